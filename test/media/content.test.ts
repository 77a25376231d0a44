import { createHash } from 'node:crypto';
import { eventually } from '../support/eventually.ts';
import { startTestStack, type TestStack } from '../support/stack.ts';
import { upstreamOf } from '../support/unipile-account.ts';

let stack: TestStack;
let account: string;
let upstream: string;
beforeAll(async () => {
  stack = await startTestStack({ MEDIA_MAX_BYTES: '200000' });
  const { body } = await stack.api.post('/api/v1/accounts', {
    provider: 'unipile',
    channel: 'whatsapp',
    owner: 'maya',
  });
  account = body.account.id;
  await stack.api.step(account, 'qr');
  upstream = await upstreamOf(stack.api, account);
  await stack.control.post('/scan', { account_id: upstream });
  await stack.api.account(account, 'active');
});
afterAll(() => stack?.stop());
afterEach(() => stack.control.put('/faults', { provider: 'unipile' }));

interface Sent {
  file_name: string;
  mimetype: string;
  size?: number;
}
let texts = 0;

/** A message with a file arrives; answers the attachment as the API shows it. */
async function arrives(file: Sent): Promise<any> {
  const text = `See ${(texts += 1)}`;
  await stack.control.post('/messages', { account_id: upstream, from: '+33639981234', text, attachments: [file] });
  const message = await eventually('the message', async () => {
    const { body } = await stack.api.get(`/api/v1/messages?account=${account}`);
    return body.items.find((one: any) => one.text === text);
  });
  return message.attachments[0];
}

const route = 'GET /api/v1/messages/:id/attachments/:attachment_id';
const asked = (): Promise<number> => stack.control.count('GET', route.slice(4));

async function get(url: string, headers: Record<string, string> = {}, method = 'GET') {
  const answer = await fetch(url, { method, headers: { authorization: `Bearer ${stack.api.key}`, ...headers } });
  return { status: answer.status, headers: answer.headers, bytes: Buffer.from(await answer.arrayBuffer()) };
}
const problem = (bytes: Buffer): any => JSON.parse(bytes.toString());
const messageOf = (id: string): Promise<any> =>
  eventually('the attachment', async () => {
    const { body } = await stack.api.get(`/api/v1/messages?account=${account}`);
    return body.items.flatMap((one: any) => one.attachments).find((one: any) => one.id === id);
  });

it('C9: the file of a message is fetched at once when it is asked for, once, and then it is here', async () => {
  const shown = await arrives({ file_name: 'größe "1".png', mimetype: 'image/png', size: 12_345 });
  expect(shown).toMatchObject({
    kind: 'image',
    media_id: null,
    url: `${stack.api.url}/api/v1/attachments/${shown.id}/content`,
    unavailable: false,
  });
  const before = await asked();
  const [one, two] = await Promise.all([get(shown.url), get(shown.url)]);
  expect([one.status, two.status, one.bytes.length]).toEqual([200, 200, 12_345]);
  expect((await get(shown.url)).bytes.equals(one.bytes)).toBe(true);
  expect((await asked()) - before).toBe(1);
  const hash = createHash('sha256').update(one.bytes).digest('hex');
  expect(Object.fromEntries(one.headers)).toMatchObject({
    'content-type': 'image/png',
    'content-length': '12345',
    'accept-ranges': 'bytes',
    etag: `"${hash}"`,
    'x-content-type-options': 'nosniff',
    'cache-control': 'private, no-cache',
  });
  const { media_id: mediaId } = await messageOf(shown.id);
  expect(mediaId).toEqual(expect.any(String));
});

it('a part of a file comes by Range, and what is no part of it is 416', async () => {
  const { url } = await arrives({ file_name: 'a.bin', mimetype: 'application/octet-stream', size: 1_000 });
  const whole = await get(url);
  const etag = whole.headers.get('etag') ?? '';
  const part = await get(url, { range: 'bytes=10-19' });
  expect(part).toMatchObject({ status: 206, bytes: whole.bytes.subarray(10, 20) });
  expect(part.headers.get('content-range')).toBe('bytes 10-19/1000');
  expect(await get(url, { range: 'bytes=-5' })).toMatchObject({ status: 206, bytes: whole.bytes.subarray(995) });
  expect(await get(url, { range: 'bytes=990-5000' })).toMatchObject({ status: 206, bytes: whole.bytes.subarray(990) });
  expect(await get(url, { range: 'bytes=10-19', 'if-range': etag })).toMatchObject({ status: 206 });
  const ignored: Record<string, string>[] = [
    { range: 'bytes=10-19', 'if-range': '"another"' },
    { range: 'bytes=0-1,5-6' },
    { range: 'lines=1-2' },
    { range: 'bytes=x' },
  ];
  for (const headers of ignored) expect(await get(url, headers)).toMatchObject({ status: 200, bytes: whole.bytes });
  const none = await get(url, { range: 'bytes=1000-' });
  expect(none.status).toBe(416);
  expect(none.headers.get('content-range')).toBe('bytes */1000');
  expect(problem(none.bytes)).toMatchObject({ code: 'range_not_satisfiable', detail: 'The file has 1000 bytes.' });
  expect(await get(url, { 'if-none-match': etag })).toMatchObject({ status: 304, bytes: Buffer.alloc(0) });
  const head = await get(url, {}, 'HEAD');
  expect([head.status, head.headers.get('content-length'), head.bytes.length]).toEqual([200, '1000', 0]);
});

describe('SECURITY 18: Files: HTML and SVG are downloads only, with nosniff and a sandboxing CSP.', () => {
  it.each([
    ['page.html', 'text/html', 'attachment'],
    ['drawing.svg', 'image/svg+xml', 'attachment'],
    ['page.xhtml', 'application/xhtml+xml', 'attachment'],
    ['feed.xml', 'text/xml', 'attachment'],
    ['code.js', 'text/javascript', 'attachment'],
    ['paper.pdf', 'application/pdf', 'attachment'],
    ['picture.png', 'image/png', 'inline'],
  ])('%s as %s is %s', async (name, mimetype, kind) => {
    const { url } = await arrives({ file_name: name, mimetype, size: 64 });
    const { status, headers } = await get(url);
    expect(status).toBe(200);
    expect(headers.get('content-type')).toBe(mimetype);
    expect(headers.get('content-disposition')?.split(';')[0]).toBe(kind);
    expect(headers.get('x-content-type-options')).toBe('nosniff');
    expect(headers.get('content-security-policy')).toBe("default-src 'none';sandbox");
  });
});

it('what takes longer than the caller waits is 202 with Retry-After, then 200', async () => {
  const { url } = await arrives({ file_name: 'slow.png', mimetype: 'image/png', size: 500 });
  await stack.control.put('/faults', { provider: 'unipile', route, delay: true, delay_seconds: 1 });
  const before = await asked();
  const early = await get(`${url}?wait=0`);
  expect(early.status).toBe(202);
  expect(problem(early.bytes)).toEqual({ state: 'fetching' });
  expect(early.headers.get('retry-after')).toBe('2');
  // Not a whole number of milliseconds.
  expect((await get(`${url}?wait=0.0123456`)).status).toBeLessThan(300);
  const later = await get(`${url}?wait=20`);
  expect([later.status, later.bytes.length]).toEqual([200, 500]);
  expect((await asked()) - before).toBe(1);
});

it('what the provider cannot give now is 503 with Retry-After, and is not asked for by each caller', async () => {
  const { url } = await arrives({ file_name: 'a.png', mimetype: 'image/png', size: 500 });
  await stack.control.put('/faults', { provider: 'unipile', route, rate_500: true });
  const before = await asked();
  const failed = await get(url);
  expect(failed.status).toBe(503);
  expect(problem(failed.bytes)).toMatchObject({ code: 'provider_unavailable' });
  expect(Number(failed.headers.get('retry-after'))).toBeGreaterThan(0);
  await stack.control.put('/faults', { provider: 'unipile' });
  expect((await get(url)).status).toBe(503);
  expect((await asked()) - before).toBe(1);
});

it('a file that is too large is unavailable, and says so', async () => {
  const { id, url } = await arrives({ file_name: 'film.mp4', mimetype: 'video/mp4', size: 200_001 });
  for (let n = 0; n < 2; n += 1) {
    const { status, bytes } = await get(url);
    expect(status).toBe(410);
    expect(problem(bytes)).toMatchObject({
      code: 'attachment_unavailable',
      detail: 'The file is larger than what is kept here.',
    });
  }
  expect(await messageOf(id)).toMatchObject({ unavailable: true, url: null, media_id: null });
});

it('an attachment of another tenant, or of none, is not found', async () => {
  const { id, url } = await arrives({ file_name: 'a.png', mimetype: 'image/png', size: 500 });
  await get(url);
  const other = await stack.client('other');
  for (const path of [`/api/v1/attachments/${id}/content`, '/api/v1/attachments/none/content'])
    expect(await other.get(path)).toMatchObject({ status: 404, body: { code: 'not_found' } });
});

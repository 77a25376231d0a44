import { once } from 'node:events';
import { readdir } from 'node:fs/promises';
import { request, type ClientRequest, type IncomingMessage } from 'node:http';
import { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { ApiKey } from '../../db/entities/tenants.ts';
import { createUpstream, providersWith } from '../messages/sending.ts';
import { eventually } from '../support/eventually.ts';
import { runSql } from '../support/run-sql.ts';
import { keepUpload, uploadKeptForMs } from '../../services/media/keep-upload.ts';
import { removeUnused } from '../../services/media/remove-media.ts';
import type { Provider, Providers } from '../../providers/provider.ts';
import { startTestApi, type TestApi } from './support.ts';

/** Of the largest file that a channel of these providers takes. */
const limit = 2_000_000;

function smallFiles(): Providers {
  const { wasender, ...others } = providersWith(createUpstream());
  const without = Object.values(others).map((one): [string, Provider] => [
    one.name,
    { ...one, messages: { ...one.messages!, capabilities: {} } },
  ]);
  return { ...Object.fromEntries(without), wasender: wasender! };
}

let api: TestApi;
beforeAll(async () => {
  api = await startTestApi({}, { providers: smallFiles() });
});
afterAll(() => api?.stop());

const stored = async (): Promise<{ files: string[]; rows: number }> => {
  const entries = await readdir(api.context.config.MEDIA_FOLDER, { recursive: true, withFileTypes: true });
  const [{ n }] = await api.context.db.system((em) => runSql<any>(em, 'select count(*)::int as n from media'));
  return { files: entries.filter((one) => one.isFile()).map(({ name }) => name), rows: n };
};

/** A request under way; its errors are not the test's: the API may close it. */
function open(headers: Record<string, string | number>, to = api): ClientRequest {
  const asked = request(`${to.url}/api/v1/media`, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${to.client.key}`,
      'content-type': 'multipart/form-data; boundary=cut',
      ...headers,
    },
  });
  return asked.on('error', () => undefined);
}

async function answerOf(asked: ClientRequest): Promise<{ status: number | undefined; body: any; closes: boolean }> {
  const [response] = (await once(asked, 'response')) as [IncomingMessage];
  const body = JSON.parse(await text(response)) as unknown;
  return { status: response.statusCode, body, closes: response.headers.connection === 'close' };
}

const part = (name: string, fileName?: string): string =>
  `--cut\r\ncontent-disposition: form-data; name="${name}"${fileName === undefined ? '' : `; filename="${fileName}"`}\r\n` +
  'content-type: image/png\r\n\r\n';
const end = '\r\n--cut--\r\n';
const head = part('file', 'a.png');

const post = (form: string, headers: Record<string, string> = {}, to = api) => {
  const asked = open({ 'content-length': Buffer.byteLength(form), ...headers }, to);
  asked.end(form);
  return answerOf(asked);
};

it('C4: stores a file once, and answers what it is', async () => {
  const form = `${part('file', 'Menü (1).png')}picture${end}`;
  const first = await post(form);
  expect(first).toMatchObject({
    status: 201,
    body: {
      id: expect.any(String),
      mime_type: 'image/png',
      size: 7,
      file_name: 'Menü (1).png',
      kept_until: expect.any(String),
    },
  });
  expect((await post(form)).body.id).toBe(first.body.id);
  expect(await stored()).toMatchObject({ rows: 1, files: [expect.stringMatching(/^[0-9a-f-]{36}\.[0-9a-f]{64}$/)] });
});

describe('SECURITY 16: uploads', () => {
  let before: Awaited<ReturnType<typeof stored>>;
  beforeEach(async () => {
    before = await stored();
  });
  afterEach(async () => {
    await eventually('nothing more is stored', async () => JSON.stringify(await stored()) === JSON.stringify(before));
  });

  it('over the limit 413, unbuffered: an announced one before any of it is sent', async () => {
    const asked = open({ 'content-length': 5_000_000_000, expect: '100-continue' });
    let called = false;
    asked.on('continue', () => (called = true)).flushHeaders();
    const { status, body } = await answerOf(asked);
    expect([status, body.code, called]).toEqual([413, 'too_large', false]);
    asked.destroy();
  });

  it('over the limit 413, unbuffered: another one at the limit, and its sender is cut', async () => {
    const asked = open({ 'transfer-encoding': 'chunked' });
    asked.write(head);
    const closed = once(asked, 'close');
    const more = setInterval(() => asked.write(Buffer.alloc(200_000)), 5);
    const { status, body, closes } = await answerOf(asked);
    expect([status, body.code, closes]).toEqual([413, 'too_large', true]);
    await closed;
    clearInterval(more);
  });

  it('over the limit 413 by one byte, and by what is around the file', async () => {
    expect((await post(`${head}${'x'.repeat(limit + 1)}${end}`)).status).toBe(413);
    expect((await post(`${'x'.repeat(limit + 100_000)}${head}x${end}`)).status).toBe(413);
    const asked = open({ 'transfer-encoding': 'chunked' });
    asked.end(`${'x'.repeat(limit + 100_000)}\r\n${head}x${end}`);
    expect((await answerOf(asked)).status).toBe(413);
  });

  it('compressed 415, and another type than a form 415', async () => {
    for (const encoding of ['gzip', 'br', 'deflate'])
      expect((await post(`${head}x${end}`, { 'content-encoding': encoding })).body.code).toBe('unsupported_encoding');
    for (const type of ['image/png', 'application/json', 'multipart/mixed; boundary=cut', ''])
      expect((await post(`${head}x${end}`, { 'content-type': type })).body.code).toBe('unsupported_type');
  });

  it('of a wrong form are one clear problem', async () => {
    const forms: [string, number, string][] = [
      ['', 400, 'malformed_request'],
      ['--cut--\r\n', 422, 'invalid_request'],
      [`${part('other', 'a.png')}x${end}`, 422, 'invalid_request'],
      [`${part('file')}x${end}`, 422, 'invalid_request'],
      [`${head}${end}`, 422, 'invalid_request'],
      [`${part('note')}x\r\n${head}x${end}`, 422, 'invalid_request'],
      [`${head}cut off`, 400, 'malformed_request'],
    ];
    for (const [form, status, code] of forms) {
      const answer = await post(form);
      expect([form, answer.status, answer.body.code]).toEqual([form, status, code]);
    }
    const unnamed = await post(`${head}x${end}`, { 'content-type': 'multipart/form-data' });
    expect([unnamed.status, unnamed.body.code]).toEqual([415, 'unsupported_type']);
  });

  it('of a sender that leaves are dropped', async () => {
    const asked = open({ 'content-length': 1_000 });
    asked.write(`${head}half`);
    await eventually('the file arrives', async () => (await stored()).files.length > before.files.length);
    asked.destroy();
  });

  it('of a key that is revoked meanwhile are dropped', async () => {
    const { body: key } = await api.client.post('/api/v1/api-keys', { name: 'short-lived', scopes: ['write'] });
    const asked = open({ 'transfer-encoding': 'chunked', authorization: `Bearer ${key.api_key}` });
    asked.write(`${head}half`);
    await eventually('the file arrives', async () => (await stored()).files.length > before.files.length);
    await api.client.delete(`/api/v1/api-keys/${key.id}`);
    const { status } = await answerOf(asked);
    expect(status).toBe(401);
    asked.destroy();
  });

  it('want the scope write', async () => {
    const reader = await api.clientOf('ours', ['read']);
    expect((await post(`${head}x${end}`, { authorization: `Bearer ${reader.key}` })).body.code).toBe('missing_scope');
  });
});

it('SECURITY 16: slow senders of uploads are cut', async () => {
  const impatient = await startTestApi({}, { providers: smallFiles() }, { headers: 200, request: 400, look: 50 });
  try {
    const asked = open({ 'content-length': 1_000 }, impatient);
    asked.write(`${head}half`);
    const { status, body } = await answerOf(asked);
    expect([status, body.code]).toEqual([408, 'too_slow']);
    await eventually('the half is dropped', async () => {
      const found = await readdir(impatient.context.config.MEDIA_FOLDER, { recursive: true, withFileTypes: true });
      return found.every((one) => !one.isFile());
    });
  } finally {
    await impatient.stop();
  }
});

it('looks up the key again before it stores a file, in a transaction of its own', async () => {
  const [{ id: tenantId }] = await api.context.db.system((em) => runSql<any>(em, 'select id from tenants limit 1'));
  const confirm = (): Promise<void> => api.context.db.authentication(async (em) => void (await em.count(ApiKey)));
  const file = { body: Readable.from(['confirmed']), mimeType: 'text/plain' };
  expect(await keepUpload(api.context, tenantId, file, confirm)).toMatchObject({ size: 9 });
});

it('a tenant stores no more than it may, and has room again when an upload that nothing used is gone', async () => {
  const small = await startTestApi({ MEDIA_QUOTA_BYTES: '10' }, { providers: smallFiles() });
  try {
    const { context } = small;
    const other = await small.clientOf('other');
    const bring = (content: string, key = small.client.key) =>
      post(`${head}${content}${end}`, { authorization: `Bearer ${key}` }, small);
    const rows = async (): Promise<number> =>
      (await context.db.system((em) => runSql<any>(em, 'select count(*)::int as n from media')))[0].n;
    expect((await bring('seven b')).status).toBe(201);
    const refused = await bring('four');
    expect([refused.status, refused.body.code]).toEqual([409, 'storage_full']);
    expect(refused.body.detail).toBe('Of 10 bytes 7 are taken; the file has 4.');
    expect(await rows()).toBe(1);
    expect((await bring('three', other.key)).status).toBe(201);
    expect((await bring('3 b')).status).toBe(201);
    const tomorrow = new Date(context.clock.now().getTime() + uploadKeptForMs + 1);
    expect(await removeUnused(context, tomorrow, () => false)).toBe(3);
    expect((await bring('four')).status).toBe(201);
  } finally {
    await small.stop();
  }
});

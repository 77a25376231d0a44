import { eventually } from '../support/eventually.ts';
import { startTestStack, type TestStack } from '../support/stack.ts';
import { upstreamOf } from '../support/unipile-account.ts';

let stack: TestStack;
let account: { id: string; session: string };
beforeAll(async () => {
  stack = await startTestStack({ MEDIA_MAX_BYTES: '200000' });
  const credentials = { phone_number: '+33639984099' };
  const connect = { provider: 'wasender', channel: 'whatsapp', owner: 'maya', credentials };
  const { body } = await stack.api.post('/api/v1/accounts', connect);
  const { id } = body.account;
  await stack.api.step(id, 'qr');
  account = { id, session: await upstreamOf(stack.api, id) };
  await stack.control.post('/scan', { session: account.session });
  await stack.api.account(id, 'active');
});
afterAll(() => stack?.stop());

const variant = (name: string, value: unknown): Promise<unknown> =>
  stack.control.put('/variants', { provider: 'wasender', name, value });
let texts = 0;

/** A message with a file arrives; answers the address of the file. */
async function arrives(size = 500): Promise<string> {
  const text = `See ${(texts += 1)}`;
  const attachments = [{ file_name: 'a.png', mimetype: 'image/png', size }];
  await stack.control.post('/messages', { session: account.session, from: '+33639981234', text, attachments });
  const message = await eventually('the message', async () => {
    const { body } = await stack.api.get(`/api/v1/messages?account=${account.id}`);
    return body.items.find((one: any) => one.text === text);
  });
  return message.attachments[0].url;
}

describe('SECURITY 11: Media: only provider hosts are fetched, after every redirect', () => {
  afterEach(() => variant('media_redirect', null));

  it.each([
    'http://127.0.0.1:1/',
    'https://evil.test/',
    'http://169.254.169.254/latest/meta-data',
    'file:///etc/passwd',
  ])('a file is not followed to %s, and the answer does not say where it led', async (address) => {
    const url = await arrives();
    await variant('media_redirect', address);
    const { status, body } = await stack.api.get(url);
    expect(status).toBe(503);
    expect(body.code).toBe('provider_unavailable');
    expect(JSON.stringify(body)).not.toContain(new URL(address).pathname.slice(1) || address);
  });
});

it('an address that has expired is asked for anew', async () => {
  const url = await arrives();
  await stack.control.post('/clock', { advance_seconds: 7_200 });
  expect(await stack.api.get(url)).toMatchObject({ status: 200 });
});

it('a file whose addresses are over as soon as they are told is unavailable', async () => {
  const url = await arrives();
  await variant('decrypted_url_seconds', 0);
  expect(await stack.api.get(url)).toMatchObject({ status: 410, body: { code: 'attachment_unavailable' } });
  await variant('decrypted_url_seconds', 3_600);
});

it('a slow file comes whole, and one that is too large is cut off although it does not tell its size', async () => {
  const [slow, large] = [await arrives(1_000), await arrives(250_000)];
  await variant('media_seconds', 1);
  const early = await stack.api.get(`${slow}?wait=0`);
  expect(early.status).toBe(202);
  const whole = await stack.api.get(`${slow}?wait=20`);
  expect([whole.status, whole.headers.get('content-length')]).toEqual([200, '1000']);
  expect(await stack.api.get(`${large}?wait=20`)).toMatchObject({
    status: 410,
    body: { detail: 'The file is larger than what is kept here.' },
  });
  await variant('media_seconds', 0);
});

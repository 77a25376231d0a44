import { once } from 'node:events';
import { request } from 'node:http';
import { connect as connectSocket } from 'node:net';
import { gzipSync } from 'node:zlib';
import { pino } from 'pino';
import { createHttpServer } from '../../api/http/server.ts';
import { startTestApi, webhookOf, whatsapp, type TestApi } from './support.ts';

let api: TestApi;
beforeAll(async () => {
  api = await startTestApi();
});
afterAll(() => api?.stop());

const send = (body: string | Uint8Array<ArrayBuffer>, headers: Record<string, string> = {}) =>
  fetch(`${api.url}/api/v1/accounts`, {
    method: 'POST',
    headers: { authorization: `Bearer ${api.client.key}`, 'content-type': 'application/json', ...headers },
    body,
  });

describe('SECURITY 16: bodies', () => {
  it('answers 413 for a body over the limit, announced or not', async () => {
    const announced = await send(JSON.stringify({ ...whatsapp, label: 'x'.repeat(1_100_000) }));
    expect(announced.status).toBe(413);
    expect(await announced.json()).toMatchObject({ code: 'too_large' });
  });

  it('refuses a body that is announced as too long before it is sent', async () => {
    const asked = request(`${api.url}/api/v1/accounts`, {
      method: 'POST',
      headers: { authorization: `Bearer ${api.client.key}`, 'content-length': '5000000000' },
    });
    asked.on('error', () => undefined);
    asked.write('{');
    const [response] = await once(asked, 'response');
    expect(response.statusCode).toBe(413);
    asked.destroy();
  });

  it('sends no 100 Continue for a body that is announced as too long', async () => {
    const asked = request(`${api.url}/api/v1/accounts`, {
      method: 'POST',
      headers: { authorization: `Bearer ${api.client.key}`, 'content-length': '5000000', expect: '100-continue' },
    });
    let called = false;
    asked.on('continue', () => (called = true)).flushHeaders();
    const [response] = await once(asked, 'response');
    expect(response.statusCode).toBe(413);
    expect(called).toBe(false);
    asked.destroy();
  });

  it('sends 100 Continue for a body within the limit', async () => {
    const asked = request(`${api.url}/api/v1/accounts`, {
      method: 'POST',
      headers: { authorization: `Bearer ${api.client.key}`, expect: '100-continue' },
    });
    asked.flushHeaders();
    await once(asked, 'continue');
    asked.end(JSON.stringify(whatsapp));
    const [response] = await once(asked, 'response');
    expect(response.statusCode).toBe(202);
    response.resume();
  });

  it('closes the connection of a sender that continues after its 413', async () => {
    const asked = request(`${api.url}/api/v1/accounts`, {
      method: 'POST',
      headers: { authorization: `Bearer ${api.client.key}`, 'transfer-encoding': 'chunked' },
    });
    asked.on('error', () => undefined);
    const more = setInterval(() => asked.write('x'.repeat(200_000)), 10);
    const closed = once(asked, 'close');
    const [response] = await once(asked, 'response');
    expect(response.statusCode).toBe(413);
    expect(response.headers.connection).toBe('close');
    await closed;
    clearInterval(more);
  });

  it('stops reading a chunked body at the limit', async () => {
    const asked = request(`${api.url}/api/v1/accounts`, {
      method: 'POST',
      headers: { authorization: `Bearer ${api.client.key}`, 'transfer-encoding': 'chunked' },
    });
    asked.on('error', () => undefined);
    const answered = once(asked, 'response');
    for (let sent = 0; sent < 1_200_000; sent += 100_000) asked.write('x'.repeat(100_000));
    const [response] = await answered;
    expect(response.statusCode).toBe(413);
    asked.destroy();
  });

  it('answers 415 for compressed webhooks and stores nothing', async () => {
    const { address, secret } = await webhookOf(api);
    const response = await fetch(address, {
      method: 'POST',
      headers: { 'content-encoding': 'gzip', 'patchbay-webhook-secret': secret },
      body: gzipSync('{"AccountStatus":{"account_id":"x","message":"OK"}}'),
    });
    expect(response.status).toBe(415);
    expect(await response.json()).toMatchObject({ code: 'unsupported_encoding' });
  });

  it('answers 415 for compressed requests and unknown character sets', async () => {
    expect((await send(gzipSync('{}'), { 'content-encoding': 'gzip' })).status).toBe(415);
    expect((await send('{}', { 'content-encoding': 'x-own' })).status).toBe(415);
    expect((await send('{}', { 'content-type': 'application/json; charset=latin9' })).status).toBe(415);
  });

  it('answers 400 for a body that is not JSON', async () => {
    for (const body of ['{', 'null', '"text"', '{"a":}']) {
      const response = await send(body);
      expect(response.status).toBe(400);
      expect(response.headers.get('content-type')).toContain('application/problem+json');
      expect(await response.json()).toMatchObject({ code: 'malformed_request' });
    }
  });

  it('refuses a webhook body over five megabytes', async () => {
    const { address, secret } = await webhookOf(api);
    const response = await fetch(address, {
      method: 'POST',
      headers: { 'patchbay-webhook-secret': secret },
      body: 'x'.repeat(5_100_000),
    });
    expect(response.status).toBe(413);
  });
});

describe('numbers that JavaScript cannot hold', () => {
  it.each([
    ['metadata.n', '{"n":9007199254740993}'],
    ['metadata.n', '{"n":-9007199254740993}'],
    ['metadata.list.1', '{"list":[1,12345678901234567890]}'],
    ['metadata.n', '{"n":1e400}'],
  ])('are refused by the name of their field: %s in %s', async (field, metadata) => {
    const answer = await send(`${JSON.stringify(whatsapp).slice(0, -1)},"metadata":${metadata}}`);
    const { errors } = (await answer.json()) as { errors: { field: string }[] };
    expect([answer.status, errors.map((one) => one.field)]).toEqual([422, [field]]);
  });

  it('are no others: the largest whole ones, fractions and texts are stored as they came', async () => {
    const metadata = { n: Number.MAX_SAFE_INTEGER, f: 0.1234567890123456, e: 1e21 / 1e6, t: '12345678901234567890' };
    const answer = await send(JSON.stringify({ ...whatsapp, metadata }));
    const { account } = (await answer.json()) as { account: { metadata: object } };
    expect([answer.status, account.metadata]).toEqual([202, metadata]);
  });
});

it('logs a refused request with the code of its problem', async () => {
  const lines: string[] = [];
  const log = pino({ level: 'info' }, { write: (line: string) => void lines.push(line) });
  const quiet = await startTestApi({}, { log });
  try {
    await quiet.client.get('/api/v1/accounts/none');
    await quiet.client.get('/api/v1/accounts');
    const requests = lines
      .map((line) => JSON.parse(line) as Record<string, unknown>)
      .filter(({ msg }) => msg === 'request');
    expect(requests.map(({ status, code }) => [status, code])).toEqual([
      [404, 'not_found'],
      [200, undefined],
    ]);
  } finally {
    await quiet.stop();
  }
});

describe('SECURITY 16: slow senders', () => {
  let impatient: TestApi;
  beforeAll(async () => {
    impatient = await startTestApi({}, {}, { headers: 200, request: 400, look: 50 });
  });
  afterAll(() => impatient?.stop());

  /** The API's answer to a sender that sends this text and then stops. */
  const until = async ({ url }: TestApi, sent: string): Promise<string> => {
    const socket = connectSocket(Number(new URL(url).port), '127.0.0.1');
    socket.on('error', () => undefined).write(sent);
    let heard = '';
    socket.on('data', (part) => (heard += part.toString()));
    await once(socket, 'close');
    return heard;
  };
  const head = (more: string): string =>
    `POST /api/v1/accounts HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${impatient.client.key}\r\n${more}`;

  it('cuts a sender that stops in the middle of its headers', async () => {
    const heard = await until(impatient, head('x-slow: '));
    expect(heard).toMatch(/^HTTP\/1.1 408 /);
    expect(heard).toContain('"code":"too_slow"');
  });

  it('closes a connection on which nothing came, without an answer', async () => {
    expect(await until(impatient, '')).toBe('');
  });

  it('cuts a sender that stops in the middle of its body', async () => {
    const heard = await until(impatient, head('content-length: 20\r\n\r\n{"provider":'));
    expect(heard).toMatch(/^HTTP\/1.1 408 /);
    expect(heard).toContain('application/problem+json');
  });

  it('cuts a sender that keeps a webhook open', async () => {
    const { address, secret } = await webhookOf(impatient);
    const { pathname } = new URL(address);
    const sent = `POST ${pathname} HTTP/1.1\r\nhost: x\r\npatchbay-webhook-secret: ${secret}\r\ncontent-length: 9\r\n\r\n{`;
    expect(await until(impatient, sent)).toMatch(/^HTTP\/1.1 408 /);
  });

  it('limits the time of senders by default too', async () => {
    const server = createHttpServer(api.context.config);
    expect(server.headersTimeout).toBeLessThanOrEqual(15_000);
    expect(server.requestTimeout).toBeLessThanOrEqual(30_000);
    server.close();
  });

  it('answers requests that are not HTTP, and endless headers, with a problem', async () => {
    expect(await until(api, 'nonsense\r\n\r\n')).toMatch(/^HTTP\/1.1 400 [^]*"code":"malformed_request"/);
    expect(await until(api, head(`x-long: ${'x'.repeat(40_000)}\r\n\r\n`))).toMatch(
      /^HTTP\/1.1 431 [^]*"code":"headers_too_large"/,
    );
  });
});

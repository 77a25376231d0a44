import { once } from 'node:events';
import { request } from 'node:http';
import { connect as connectSocket } from 'node:net';
import { gzipSync } from 'node:zlib';
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

  it('refuses an announced giant before it is sent', async () => {
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

  it('answers 400 for what is no JSON', async () => {
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

  it('cuts a sender that stops in the middle of its headers', async () => {
    const socket = connectSocket(Number(new URL(api.url).port), '127.0.0.1');
    socket.on('error', () => undefined);
    socket.write('POST /api/v1/accounts HTTP/1.1\r\nhost: x\r\nx-slow: ');
    await once(socket, 'close');
  });
});

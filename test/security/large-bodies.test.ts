import { setTimeout as pause } from 'node:timers/promises';
import { createRequestReader, type RequestReader } from '../../services/webhooks/request-reader.ts';
import { readRequest } from '../../services/webhooks/read-request.ts';
import { unipile } from '../../providers/unipile/index.ts';
import { wasender } from '../../providers/wasender/index.ts';
import { startTestApi, webhookOf, type TestApi } from '../api/support.ts';
import { cpuOf } from '../support/linear.ts';

/** Of a shape that takes long to read. */
const slow = (mark: string): Buffer => Buffer.from(JSON.stringify({ event: mark, text: '%73%65'.repeat(800_000) }));
const headers = { 'content-type': 'application/json' };

/** CPU time that this thread uses until `work` ends, in milliseconds. */
async function cpuUntil(work: Promise<unknown>): Promise<number> {
  const before = process.threadCpuUsage();
  await work;
  const { user, system } = process.threadCpuUsage(before);
  return (user + system) / 1000;
}

describe('SECURITY 26: a webhook body of 5 MB', () => {
  let reader: RequestReader;
  beforeAll(() => {
    reader = createRequestReader(true);
  });
  afterAll(() => reader?.close());

  it('is read in another thread, with the same result', async () => {
    const request = { raw: slow('messages.received'), headers };
    const inline = cpuOf(() => readRequest(wasender, request, 'session-1'));
    const asked = reader.read(wasender, request, 'session-1', 'a');
    // Only the first body waits for the thread to start.
    expect(await asked).toEqual(readRequest(wasender, request, 'session-1'));
    let least = Number.POSITIVE_INFINITY;
    for (let n = 0; n < 5 && least > inline / 3; n += 1)
      least = Math.min(least, await cpuUntil(reader.read(wasender, request, 'session-1', 'a')));
    expect(least).toBeLessThan(inline / 3);
  });

  it('has others of the same sender wait, and lets other senders pass', async () => {
    const order: string[] = [];
    const read = (share: string): Promise<unknown> =>
      reader.read(wasender, { raw: slow('messages.received'), headers }, null, share).then(() => order.push(share));
    await Promise.all([read('flood'), read('flood'), read('flood'), read('other')]);
    expect(order.indexOf('other')).toBeLessThan(2);
    const many = await Promise.allSettled(Array.from({ length: 24 }, () => read('flood')));
    // One is read, twenty wait; on a slow machine some wait too long.
    expect(many.filter(({ status }) => status === 'rejected').length).toBeGreaterThanOrEqual(3);
  });

  it('is told to its sender when the thread ends, and the next one is read', async () => {
    const asked = reader.read(wasender, { raw: slow('messages.received'), headers }, null, 'a').catch(String);
    await pause(1);
    await reader.close();
    expect(await asked).toContain('ended');
    const { events } = await reader.read(wasender, { raw: slow('messages.received'), headers }, null, 'a');
    expect(events).toHaveLength(1);
  });
});

describe('SECURITY 26: an API', () => {
  let api: TestApi;
  beforeAll(async () => {
    api = await startTestApi();
  });
  afterAll(() => api?.stop());

  it('stores a webhook body of 5 MB, and refuses a longer one', async () => {
    const { address, secret } = await webhookOf(api);
    const post = (text: string): Promise<Response> =>
      fetch(address, {
        method: 'POST',
        headers: { ...headers, [unipile.webhooks.header]: secret },
        body: JSON.stringify({ event: 'message_received', account_id: 'a', message_id: 'm', message: text }),
      });
    expect((await post('x'.repeat(4_900_000))).status).toBe(200);
    expect((await post('x'.repeat(5_000_000))).status).toBe(413);
  });

  it.each([
    ['numbers', `[${'1,'.repeat(499_000)}1]`],
    ['numbers that cannot be held', `[${'1234567890123456789,'.repeat(49_000)}1]`],
    ['fields', `{${Array.from({ length: 80_000 }, (_, n) => `"f${n}":1`).join(',')}}`],
    ['lists in lists', '['.repeat(400_000)],
  ])('parses no body of very many %s', async (_name, body) => {
    const { url, key } = api.client;
    const response = await fetch(`${url}/api/v1/accounts`, {
      method: 'POST',
      headers: { ...headers, authorization: `Bearer ${key}` },
      body,
    });
    expect([response.status, await response.json()]).toEqual([
      422,
      expect.objectContaining({ detail: expect.stringContaining('20000 values') }),
    ]);
  });

  it('reads commas and brackets of a text as text', async () => {
    const title = `"\\${',[{'.repeat(20_000)}`;
    const { body } = await api.client.post('/api/v1/accounts', { title });
    expect(body.errors).toContainEqual(expect.objectContaining({ field: 'title' }));
  });

  it('names the first fifty faults of a body', async () => {
    const fields = Object.fromEntries(Array.from({ length: 19_000 }, (_, n) => [`f${n}`, n]));
    const { status, body } = await api.client.post('/api/v1/accounts', fields);
    expect([status, body.errors.length]).toEqual([422, 50]);
  });
});

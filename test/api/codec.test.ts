import { createHmac } from 'node:crypto';
import { createDataConverter } from '../../temporal/codec.ts';
import { startTestApi, type TestApi } from './support.ts';

let api: TestApi;
beforeAll(async () => {
  api = await startTestApi();
});
afterAll(() => api?.stop());

const ui = 'http://127.0.0.1:8233';
/** The path is made from the encryption key, which operators hold. */
const token = (): string =>
  createHmac('sha256', api.context.config.ENCRYPTION_KEY).update('codec-endpoint').digest('hex');
const decode = (path: string, body: unknown, headers: Record<string, string> = {}) =>
  fetch(`${api.url}/codec/${path}/decode`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify(body),
  });

/** A sealed payload as the UI sends it. */
async function payload(value: unknown): Promise<object> {
  const { payloadCodecs } = createDataConverter(() => api.context.vault.keysOf(api.context.db, null));
  const plain = { metadata: { encoding: Buffer.from('json/plain') }, data: Buffer.from(JSON.stringify(value)) };
  const [sealed] = (await payloadCodecs?.[0]?.encode([plain])) ?? [];
  const base64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64');
  return {
    metadata: Object.fromEntries(Object.entries(sealed?.metadata ?? {}).map(([key, one]) => [key, base64(one)])),
    data: base64(sealed?.data ?? Buffer.alloc(0)),
  };
}

describe('SECURITY 7: the codec endpoint', () => {
  it('opens payloads for callers with its secret path', async () => {
    const sealed = await payload({ accountId: 'a readable id' });
    expect(JSON.stringify(sealed)).not.toContain(Buffer.from('readable').toString('base64').slice(0, 8));
    const answer = await decode(token(), { payloads: [sealed] });
    expect(answer.status).toBe(200);
    const { payloads } = (await answer.json()) as { payloads: { data: string }[] };
    expect(Buffer.from(payloads[0]?.data ?? '', 'base64').toString()).toBe('{"accountId":"a readable id"}');
  });

  it('answers 401 to any other path, and to keys of tenants, with all their scopes', async () => {
    const payloads = [await payload('secret')];
    const wrong = [
      'x',
      'undefined',
      token().slice(1),
      `${token()}0`,
      token().replace(/^./, (one) => (one === 'a' ? 'b' : 'a')),
    ];
    for (const path of wrong) {
      const answer = await decode(path, { payloads }, { authorization: `Bearer ${api.client.key}` });
      expect([path.length, answer.status]).toEqual([path.length, 401]);
      expect(await answer.text()).not.toContain('secret');
    }
  });

  it("admits only the UI's origin", async () => {
    for (const [origin, allowed] of [
      [ui, ui],
      ['https://evil.example', null],
      ['http://127.0.0.1:8234', null],
      ['null', null],
    ] as const) {
      const asked = await fetch(`${api.url}/codec/${token()}/decode`, { method: 'OPTIONS', headers: { origin } });
      expect(asked.headers.get('access-control-allow-origin')).toBe(allowed);
      const answered = await decode(token(), { payloads: [] }, { origin });
      expect(answered.headers.get('access-control-allow-origin')).toBe(allowed);
    }
  });

  it('answers a problem for payloads that do not open, and for a body without payloads', async () => {
    const broken = { metadata: { encoding: Buffer.from('binary/encrypted').toString('base64') }, data: 'AAAA' };
    for (const body of [{}, { payloads: 'x' }, { payloads: [5] }, { payloads: [broken] }]) {
      const answer = await decode(token(), body);
      expect(answer.status === 200 || answer.status === 400).toBe(true);
      if (body.payloads === undefined) expect(answer.status).toBe(400);
    }
  });
});

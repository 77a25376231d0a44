import { createHmac } from 'node:crypto';
import { Account } from '../../db/entities/accounts.ts';
import { sealed } from '../../db/sealed.ts';
import { createDataConverter } from '../../temporal/codec.ts';
import { oneOfEach, type Ids } from '../api/fixture.ts';
import { startTestApi, whatsapp, type TestApi } from '../api/support.ts';
import type { ApiClient } from '../support/client.ts';
import { allText, entriesOf, entryOf, recordedOf } from './entries.ts';

let api: TestApi;
let ids: Ids;
let other: ApiClient;
beforeAll(async () => {
  api = await startTestApi({ TRUSTED_PROXIES: 'loopback' });
  ids = await oneOfEach(api, api.client);
  other = await api.clientOf('another');
});
afterAll(() => api?.stop());

const keyIdOf = async (client: ApiClient): Promise<string> => {
  const { body } = await client.get('/api/v1/api-keys?limit=200');
  return body.items.find(({ prefix }: { prefix: string }) => client.key.startsWith(prefix)).id;
};

describe('F7: the audit log', () => {
  it('says who did what, when, with which key, from where, to what, with which outcome', async () => {
    const before = Date.now();
    const made = await api.client.post('/api/v1/api-keys', { name: 'of the night shift', scopes: ['read'] });
    const [entry, ...more] = await entriesOf(api.client, { target: made.body.id });
    expect(more).toEqual([]);
    expect(entry).toEqual({
      id: expect.any(String),
      at: expect.any(String),
      kind: 'write',
      via: 'api',
      actor: await keyIdOf(api.client),
      action: 'createApiKey',
      target: null,
      operation_id: made.body.id,
      address: '127.0.0.1',
      request_id: made.headers.get('x-request-id'),
      outcome: 'accepted',
      code: null,
      details: { scopes: ['read'], fields: ['name', 'scopes'] },
    });
    expect(Date.parse(entry.at)).toBeGreaterThanOrEqual(before - 1);
  });

  it('names the account that a request makes, and the ids of its body', async () => {
    const made = await api.client.post('/api/v1/accounts', whatsapp);
    expect(await entryOf(api, made)).toMatchObject({ action: 'connectAccount', target: made.body.account.id });
    const sent = await api.client.post('/api/v1/messages', {
      account: ids.account,
      recipients: ['+33639980977'],
      text: 'Meet me at the harbour',
    });
    expect(sent.status).toBe(202);
    const [entry] = await entriesOf(api.client, { target: sent.body.id });
    expect(entry).toMatchObject({ action: 'sendMessage', details: { account: ids.account } });
  });

  it('records a documented path that begins something by GET', async () => {
    const begun = await api.client.get('/api/platforms/messenger/connect');
    expect((await recordedOf(api, begun)).map(({ kind }) => kind)).toEqual(['write']);
  });

  it('holds no text of a caller and no secret', async () => {
    const texts = [
      'Quiet harbour',
      '+33639980978',
      'maya@secret.example',
      'correct horse 77',
      'Night shift 9',
      'Acme 77',
    ];
    const [text, phone, username, password, name, company] = texts;
    await api.client.post(`/api/v1/conversations/${ids.conversation}/messages`, { text });
    await api.client.post('/api/v1/erasures', { phone });
    await api.client.post('/api/v1/accounts', {
      ...whatsapp,
      channel: 'linkedin',
      credentials: { username, password },
    });
    await api.client.patch(`/api/v1/contacts/${ids.contact}`, { name, company });
    await api.client.patch(`/api/v1/accounts/${ids.account}`, { metadata: { [name!]: company } });
    await api.client.post('/api/v1/accounts', { ...whatsapp, [company!]: text });
    await api.client.get(`/api/v1/contacts/${encodeURIComponent(phone!)}`);
    await api.client.delete(`/api/v1/contacts/${encodeURIComponent(phone!)}`);
    const all = await allText(api);
    expect(all.length).toBeGreaterThan(1_000);
    expect([...texts, api.client.key].filter((one) => all.includes(one))).toEqual([]);
  });

  it('records what was refused, but for requests without a valid key', async () => {
    const reader = await api.clientOf('ours', ['read']);
    const scope = await reader.patch(`/api/v1/accounts/${ids.account}`, { label: 'mine' });
    const wrong = await api.client.patch(`/api/v1/accounts/${ids.account}`, { label: 5 });
    const unknown = await other.patch(`/api/v1/accounts/${ids.account}`, { label: 'mine' });
    expect([scope.status, wrong.status, unknown.status]).toEqual([403, 422, 404]);
    const about = { action: 'updateAccount', target: ids.account, outcome: 'refused' };
    expect(await entryOf(api, scope)).toMatchObject({ ...about, code: 'missing_scope', actor: await keyIdOf2(reader) });
    expect(await entryOf(api, wrong)).toMatchObject({ ...about, code: 'invalid_request' });
    expect(await entryOf(api, unknown)).toMatchObject({ ...about, code: 'not_found' });
    const nobody = await fetch(`${api.url}/api/v1/accounts/${ids.account}`, { method: 'DELETE' });
    expect(nobody.status).toBe(401);
    expect(await recordedOf(api, nobody)).toEqual([]);
  });

  it('records a repeat under its Idempotency-Key once', async () => {
    const headers = { 'idempotency-key': 'audit-1' };
    const first = await api.client.post('/api/v1/api-keys', { name: 'once' }, headers);
    const again = await api.client.post('/api/v1/api-keys', { name: 'once' }, headers);
    expect(again.headers.get('idempotent-replayed')).toBe('true');
    expect([await recordedOf(api, first), await recordedOf(api, again)].map(({ length }) => length)).toEqual([1, 0]);
  });

  it('is one of each tenant: another one sees none of it', async () => {
    const own = await other.post('/api/v1/api-keys', { name: 'theirs' });
    const theirs = await entriesOf(other);
    expect(theirs.map(({ operation_id }) => operation_id)).toContain(own.body.id);
    const ours = await entriesOf(api.client);
    const seen = new Set(ours.map(({ id }) => id));
    expect(theirs.filter(({ id }) => seen.has(id))).toEqual([]);
    expect(await entriesOf(other, { target: ids.account, outcome: 'accepted' })).toEqual([]);
  });

  it('is read with the scope admin alone', async () => {
    const writer = await api.clientOf('ours', ['read', 'write', 'raw', 'operator']);
    for (const path of ['audit', 'audit/export']) expect((await writer.get(`/api/v1/${path}`)).status).toBe(403);
  });

  it('takes the address that a trusted proxy names, from the end of the list', async () => {
    const from = async (forwarded: string): Promise<string> => {
      const answer = await api.client.post('/api/v1/api-keys', { name: 'x' }, { 'x-forwarded-for': forwarded });
      return (await entryOf(api, answer)).address;
    };
    expect(await from('203.0.113.7')).toBe('203.0.113.7');
    expect(await from('198.51.100.1, 203.0.113.7')).toBe('203.0.113.7');
    expect(await from('203.0.113.7, 127.0.0.1')).toBe('203.0.113.7');
    expect(await from('::ffff:203.0.113.8')).toBe('203.0.113.8');
    expect(await from("'; drop table audit_entries; --")).toBe('unknown');
  });
});

/** Of a key without the scope that lists keys. */
async function keyIdOf2(client: ApiClient): Promise<string> {
  const { body } = await api.client.get('/api/v1/api-keys?limit=200');
  return body.items.find(({ prefix }: { prefix: string }) => client.key.startsWith(prefix)).id;
}

it('F7: takes no address from X-Forwarded-For where no proxy is trusted', async () => {
  const bare = await startTestApi();
  try {
    const made = await bare.client.post('/api/v1/api-keys', { name: 'x' }, { 'x-forwarded-for': '203.0.113.7' });
    expect(await entryOf(bare, made)).toMatchObject({ address: '127.0.0.1' });
  } finally {
    await bare.stop();
  }
});

describe('F7: looks at what is kept sealed', () => {
  const look = { kind: 'look', outcome: 'accepted' };

  it('are recorded: raw details of accounts, raw contacts, bodies of webhooks, certificates of erasures', async () => {
    await api.context.db.system(async (em) => {
      const account = await em.findOneOrFail(Account, { id: ids.account });
      const keys = await api.context.vault.keysOf(em, account.tenantId);
      account.rawDetails = keys.seal('{"raw": 1}', sealed.rawDetails(account.id));
      account.connectionConfig = {
        phone_number: null,
        account_type: 'WHATSAPP',
        messaging_status: 'OK',
        messaging_source_id: null,
        created_at: null,
        sources: [],
        groups: [],
        last_api_sync: '2026-01-01T00:00:00.000Z',
        api_object_type: 'Account',
      };
    });
    for (const [path, action, target] of [
      [`accounts/${ids.account}`, 'getAccount', ids.account],
      [`contacts/${ids.contact}`, 'getContact', ids.contact],
      [`webhook-events/${ids.event}`, 'getWebhookEvent', ids.event],
      [`erasures/${ids.erasure}`, 'getErasure', ids.erasure],
    ] as const) {
      const answer = await api.client.get(`/api/v1/${path}`);
      expect([path, answer.status]).toEqual([path, 200]);
      expect([path, await recordedOf(api, answer)]).toEqual([
        path,
        [expect.objectContaining({ ...look, action, target })],
      ]);
    }
  });

  it('are told from reading without the scope raw, which is not recorded', async () => {
    const plain = await api.clientOf('ours', ['read', 'write', 'admin', 'operator']);
    for (const path of [
      `accounts/${ids.account}`,
      `contacts/${ids.contact}`,
      `webhook-events/${ids.event}`,
      'accounts',
    ])
      expect(await recordedOf(api, await plain.get(`/api/v1/${path}`))).toEqual([]);
  });

  it('are recorded for payloads that the codec endpoint decodes, before they are answered', async () => {
    const { payloadCodecs } = createDataConverter(() => api.context.vault.keysOf(api.context.db, null));
    const plain = { metadata: { encoding: Buffer.from('json/plain') }, data: Buffer.from('"a secret of a workflow"') };
    const [made] = (await payloadCodecs?.[0]?.encode([plain])) ?? [];
    const base64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64');
    const payload = {
      metadata: Object.fromEntries(Object.entries(made?.metadata ?? {}).map(([key, one]) => [key, base64(one)])),
      data: base64(made?.data ?? Buffer.alloc(0)),
    };
    const token = createHmac('sha256', api.context.config.ENCRYPTION_KEY).update('codec-endpoint').digest('hex');
    const decoded = await fetch(`${api.url}/codec/${token}/decode`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ payloads: [payload, payload] }),
    });
    expect(decoded.status).toBe(200);
    const entry = await entryOf(api, decoded);
    expect(entry).toMatchObject({
      ...look,
      via: 'codec',
      tenant_id: null,
      action: 'decodePayloads',
      details: { payloads: 2 },
    });
    const [newest] = await entriesOf(api.client, { installation: 'true', action: 'decodePayloads' });
    expect(newest).toMatchObject({ id: entry.id, address: '127.0.0.1' });
    const admin = await api.clientOf('ours', ['admin']);
    expect((await admin.get('/api/v1/audit?installation=true')).status).toBe(403);
    expect((await entriesOf(api.client)).map(({ id }) => id)).not.toContain(entry.id);
  });

  it('are recorded for an export of the audit log itself', async () => {
    const answer = await api.client.get('/api/v1/audit/export');
    expect(await entryOf(api, answer)).toMatchObject({ ...look, action: 'exportAudit' });
  });
});

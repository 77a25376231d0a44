import { createHash } from 'node:crypto';
import { IdempotencyKey } from '../../db/entities/tenants.ts';
import { runSql } from '../support/run-sql.ts';
import { ConnectionAttempt } from '../../db/entities/attempts.ts';
import { maintenanceParts } from '../../services/maintenance/parts.ts';
import { twoContacts } from './fixture.ts';
import { connect, linkedin, placeStep, startTestApi, unique, whatsapp, type TestApi } from './support.ts';

let api: TestApi;
beforeAll(async () => {
  api = await startTestApi();
});
afterAll(() => api?.stop());
afterEach(() => {
  api.temporal.onFirstStep = () => Promise.resolve();
});

const accountsNow = async (): Promise<number> =>
  (await api.context.db.system((em) => runSql<{ n: string }>(em, 'select count(*) n from accounts')))[0]!
    .n as unknown as number;

describe('SECURITY 15: idempotency keys', () => {
  it('replays the first answer for the same key and body', async () => {
    const headers = { 'idempotency-key': unique() };
    const first = await api.client.post('/api/v1/accounts', whatsapp, headers);
    const again = await api.client.post('/api/v1/accounts/', whatsapp, headers);
    expect(first.status).toBe(202);
    expect(again.status).toBe(202);
    expect(again.body).toEqual(first.body);
    expect(again.headers.get('idempotent-replayed')).toBe('true');
  });

  it('refuses another body, and another resource, under the same key', async () => {
    const headers = { 'idempotency-key': unique() };
    const { body } = await api.client.post('/api/v1/accounts', whatsapp, headers);
    const other = await api.client.post('/api/v1/accounts', { ...whatsapp, owner: 'someone else' }, headers);
    expect(other).toMatchObject({ status: 422, body: { code: 'idempotency_key_reused' } });
    const second = await connect(api.client);
    await api.client.post(`/api/v1/accounts/${body.account.id}/reconnect`, {}, headers);
    const elsewhere = await api.client.post(`/api/v1/accounts/${second.account.id}/reconnect`, {}, headers);
    expect(elsewhere).toMatchObject({ status: 422, body: { code: 'idempotency_key_reused' } });
  });

  it('keeps equal keys of two tenants, and of two routes, apart', async () => {
    const headers = { 'idempotency-key': 'the-very-same' };
    const ours = await api.client.post('/api/v1/accounts', whatsapp, headers);
    const theirs = await (await api.clientOf('another')).post('/api/v1/accounts', whatsapp, headers);
    expect(theirs.status).toBe(202);
    expect(theirs.body.account.id).not.toBe(ours.body.account.id);
    const key = await api.client.post('/api/v1/api-keys', { name: 'k' }, headers);
    expect(key.status).toBe(201);
  });

  it('has a twin in flight wait for the first answer', async () => {
    let go = (): void => undefined;
    const released = new Promise<void>((resolve) => {
      go = resolve;
    });
    const began = new Promise<void>((resolve) => {
      api.temporal.onFirstStep = () => {
        resolve();
        return released;
      };
    });
    const headers = { 'idempotency-key': unique() };
    const before = await accountsNow();
    const first = api.client.post('/api/v1/accounts', whatsapp, headers);
    await began;
    const twin = api.client.post('/api/v1/accounts', whatsapp, headers);
    go();
    const [one, two] = await Promise.all([first, twin]);
    expect(two.body).toEqual(one.body);
    expect(Number(await accountsNow()) - Number(before)).toBe(1);
  });

  it('lets a repeat finish a request that died half-way, without a second effect', async () => {
    const key = unique();
    const headers = { 'idempotency-key': key };
    api.temporal.onFirstStep = () => Promise.reject(new Error('the process dies here'));
    const before = await accountsNow();
    const died = await api.client.post('/api/v1/accounts', whatsapp, headers);
    expect(died).toMatchObject({ status: 500, body: { code: 'unexpected' } });
    expect(JSON.stringify(died.body)).not.toContain('dies here');
    api.temporal.onFirstStep = () => Promise.resolve();
    const again = await api.client.post('/api/v1/accounts', whatsapp, headers);
    expect(again.status).toBe(202);
    expect(Number(await accountsNow()) - Number(before)).toBe(1);
    const row = await api.context.db.system((em) => em.findOneOrFail(IdempotencyKey, { key }));
    expect(again.body.attempt.id).toBe(row.id);
  });

  it('takes over a key whose request was killed once its lease is over', async () => {
    const key = unique();
    const headers = { 'idempotency-key': key };
    const first = await api.client.post('/api/v1/accounts', whatsapp, headers);
    // The state after a kill before the answer was stored.
    const lockedUntil = new Date(Date.now() - 1);
    await api.context.db.system((em) =>
      em.nativeUpdate(IdempotencyKey, { key }, { status: null, response: null, lockedUntil }),
    );
    const again = await api.client.post('/api/v1/accounts', whatsapp, headers);
    expect(again.body.account.id).toBe(first.body.account.id);
    const attempts = await api.context.db.system((em) =>
      em.count(ConnectionAttempt, { accountId: first.body.account.id }),
    );
    expect(attempts).toBe(1);
  });

  it('stores no refusal: the corrected request may use the key', async () => {
    const headers = { 'idempotency-key': unique() };
    const refused = await api.client.post('/api/v1/accounts', { ...linkedin, credentials: {} }, headers);
    expect(refused.status).toBe(422);
    expect((await api.client.post('/api/v1/accounts', linkedin, headers)).status).toBe(202);
  });

  it('keeps bodies as keyed digests and answers sealed', async () => {
    await api.client.post('/api/v1/accounts', linkedin, { 'idempotency-key': unique() });
    const stored = JSON.stringify(await api.context.db.system((em) => runSql(em, 'select * from idempotency_keys')));
    expect(stored).not.toContain('correct horse');
    expect(stored).not.toContain('maya');
  });

  it('keys the digests: without the key, the stored digest does not reveal the request', async () => {
    const key = unique();
    await api.client.post('/api/v1/accounts', whatsapp, { 'idempotency-key': key });
    const { bodyDigest, tenantId } = await api.context.db.system((em) => em.findOneOrFail(IdempotencyKey, { key }));
    const content = JSON.stringify(['/api/v1/accounts', whatsapp]);
    const digestOf = async (of: string | null) =>
      (await api.context.vault.keysOf(api.context.db, of)).digest('idempotency', content);
    expect(bodyDigest).toBe(await digestOf(tenantId));
    expect(bodyDigest).not.toBe(await digestOf(null));
    expect(bodyDigest).not.toContain(createHash('sha256').update(content).digest('hex'));
  });

  it('shows no secret of the request in a replay', async () => {
    const headers = { 'idempotency-key': unique() };
    await api.client.post('/api/v1/accounts', linkedin, headers);
    const again = await api.client.post('/api/v1/accounts', linkedin, headers);
    expect(again.headers.get('idempotent-replayed')).toBe('true');
    expect(JSON.stringify(again.body)).not.toContain('correct horse');
  });

  it('still replays shortly before 24 hours have passed', async () => {
    const headers = { 'idempotency-key': unique() };
    const first = await api.client.post('/api/v1/accounts', whatsapp, headers);
    api.clock.advance(24 * 60 * 60_000 - 60_000);
    const later = await api.client.post('/api/v1/accounts', whatsapp, headers);
    expect(later.headers.get('idempotent-replayed')).toBe('true');
    expect(later.body.account.id).toBe(first.body.account.id);
  });

  it('forgets a key after 24 hours', async () => {
    const headers = { 'idempotency-key': unique() };
    const first = await api.client.post('/api/v1/accounts', whatsapp, headers);
    api.clock.advance(24 * 60 * 60_000 + 1000);
    const later = await api.client.post('/api/v1/accounts', { ...whatsapp, owner: 'other' }, headers);
    expect(later.status).toBe(202);
    expect(later.body.account.id).not.toBe(first.body.account.id);
  });

  it('deletes stored answers after 24 hours', async () => {
    const key = unique();
    await api.client.post('/api/v1/accounts', whatsapp, { 'idempotency-key': key });
    api.clock.advance(24 * 60 * 60_000 + 1000);
    const { signal } = new AbortController();
    const run = { context: api.context, now: api.context.clock.now(), isOver: () => false, signal };
    expect(await maintenanceParts.idempotency_keys(run)).toBeGreaterThan(0);
    expect(await api.context.db.system((em) => em.count(IdempotencyKey, { key }))).toBe(0);
  });

  it('returns one answer under one key, however often it is sent', async () => {
    const { account, attempt } = await connect(api.client, linkedin);
    const stepId = await placeStep(api, attempt.id, { kind: 'code', source: 'sms' });
    const path = `/api/v1/accounts/${account.id}/attempt/steps/${stepId}`;
    const headers = { 'idempotency-key': unique() };
    api.temporal.submitted = [];
    await Promise.all([1, 2, 3].map(() => api.client.post(path, { answer: '123456' }, headers)));
    expect(api.temporal.submitted).toHaveLength(1);
  });

  it('refuses a malformed key', async () => {
    for (const key of ['', 'a b', 'x'.repeat(256)]) {
      const { status } = await api.client.post('/api/v1/accounts', whatsapp, { 'idempotency-key': key });
      expect(status).toBe(422);
    }
  });
});

describe('SECURITY 29: a replay shows what the key that asks may see', () => {
  it('leaves links to histories to operators', async () => {
    const headers = { 'idempotency-key': unique() };
    const first = await api.client.post('/api/v1/accounts', whatsapp, headers);
    expect(first.body.attempt.history_url).toMatch(/^http/);
    const writer = await api.clientOf('ours', ['read', 'write']);
    const again = await writer.post('/api/v1/accounts', whatsapp, headers);
    const { workflow_id: _id, history_url: _url, ...attempt } = first.body.attempt;
    expect(again.body).toEqual({ ...first.body, attempt });
    expect(again.headers.get('idempotent-replayed')).toBe('true');
    expect((await api.client.post('/api/v1/accounts', whatsapp, headers)).body).toEqual(first.body);
  });

  it('leaves raw data of the provider to keys with the scope raw', async () => {
    const { account } = await connect(api.client);
    const contact_ids = await twoContacts(api, account.id);
    const headers = { 'idempotency-key': unique() };
    const first = await api.client.post('/api/v1/contacts/merge', { contact_ids }, headers);
    expect(first.body.raw_wasender_data).toBeTruthy();
    const writer = await api.clientOf('ours', ['read', 'write']);
    const again = await writer.post('/api/v1/contacts/merge', { contact_ids }, headers);
    const { raw_wasender_data: _raw, ...seen } = first.body;
    expect(again.body).toEqual(seen);
  });
});

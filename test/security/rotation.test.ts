import { randomBytes } from 'node:crypto';
import { rows, type Database } from '../../db/connect.ts';
import { settingsOf } from '../../db/queries/tenants/credentials.ts';
import { Account } from '../../db/entities/accounts.ts';
import { ConnectionStep } from '../../db/entities/attempts.ts';
import { ProviderCredentials } from '../../db/entities/tenants.ts';
import { reencrypt } from '../../db/reencrypt.ts';
import { sealed, sealedColumns } from '../../db/sealed.ts';
import { usedKeys, usedKeysSql } from '../../db/used-keys.ts';
import { newId } from '../../platform/ids.ts';
import { createVault, parseKeyRing, type Vault } from '../../platform/vault.ts';
import { answerOf, noHome, patchbay, run } from '../cli/run.ts';
import type { ApiClient } from '../support/client.ts';
import { eventually } from '../support/eventually.ts';
import { createInstallation, type Installation } from './installation.ts';
import { columnsOf } from './places.ts';

const newKey = (): string => randomBytes(32).toString('base64');
const [oldKey, freshKey] = [newKey(), newKey()];
const vaultOf = (newest: string, older?: string): Vault => createVault(parseKeyRing(newest, older));
const [oldVault, bothVault, freshVault] = [vaultOf(oldKey), vaultOf(freshKey, oldKey), vaultOf(freshKey)];
const oldId = oldVault.keyIds[0];
const freshId = freshVault.keyIds[0];

let installation: Installation;
let db: Database;
let client: ApiClient;
let other: ApiClient;

const linkedin = (username: string): object => ({
  provider: 'unipile',
  channel: 'linkedin',
  owner: 'maya',
  credentials: { username, password: 'correct horse' },
});
async function connect(body: object, headers: Record<string, string> = {}, as = client): Promise<any> {
  const answer = await as.post('/api/v1/accounts', body, headers);
  expect(answer.status).toBe(202);
  return answer.body;
}
const keysInUse = async (): Promise<string[]> => [...new Set((await db.system(usedKeys)).map(({ key }) => key))];

/** The login that waits for its code while keys change; the request that is repeated afterwards. */
let waiting: any;
const repeated = {
  key: 'sent-before-and-after',
  body: linkedin('plain+repeated@rotation.example'),
  answer: null as any,
};

beforeAll(async () => {
  installation = await createInstallation();
  ({ db } = installation);
  await installation.start(oldKey);
  client = await installation.clientOf('ours');
  other = await installation.clientOf('theirs');
});
afterAll(() => installation?.end());

/** Sealed columns that no login through UniPile fills. */
const filledElsewhere = ['accounts.provider_keys', 'contacts.raw_wasender_data', 'sync_runs.target', 'erasures.target'];

describe('SECURITY 19: key rotation', () => {
  it('knows every column that holds a sealed value, and has an index on the keys of each', async () => {
    repeated.answer = await connect(repeated.body, { 'idempotency-key': repeated.key });
    waiting = await connect(linkedin('2fa@rotation.example'));
    await client.step(waiting.account.id, 'code');
    await connect({ provider: 'unipile', channel: 'linkedin', owner: 'maya', method: 'hosted' });
    const { id } = repeated.answer.account;
    await client.account(id, 'active');
    await eventually('the details', async () => (await client.get(`/api/v1/accounts/${id}`)).body.connection_config);
    // An answer lies there only while its outcome is not known.
    const answerId = newId();
    await db.system(async (em) => {
      const step = await em.findOneOrFail(ConnectionStep, { accountId: id }, { orderBy: { number: 'desc' } });
      Object.assign(step, { answerId, answer: oldVault.seal('123456', sealed.stepAnswer(answerId)) });
    });
    const listed = sealedColumns.map(({ table, column }) => `${table}.${column}`).toSorted();
    const holding = async (): Promise<string[]> => {
      const columns = await columnsOf(installation.readerUrl);
      const found = columns.filter(({ bytes }) => /v1\.[0-9a-f]{8}\./.test(bytes.toString()));
      return found.map(({ name }) => name.replace('column ', '')).toSorted();
    };
    const others = listed.filter((name) => filledElsewhere.includes(name));
    await eventually('a value in every sealed column', async () => {
      expect(await holding()).toEqual(listed.filter((name) => !others.includes(name)));
      return true;
    });
    await db.system(async (em) => {
      const [{ tenant_id: tenantId } = { tenant_id: '' }] = await rows<{ tenant_id: string }>(
        em,
        'select tenant_id from accounts where id = ?',
        [id],
      );
      await rows(
        em,
        `insert into contacts (id, tenant_id, account_id, is_business_account, wasender_sync_status, created_at, updated_at)
         values (?, ?, ?, false, 'synced', now(), now())`,
        [newId(), tenantId, id],
      );
      await rows(
        em,
        `insert into sync_runs (id, tenant_id, account_id, kind, state, dry_run, again, stats, started_at)
         values (?, ?, ?, 'contacts', 'succeeded', false, false, '{}', now())`,
        [newId(), tenantId, id],
      );
      await rows(em, `insert into erasures (id, tenant_id, state, requested_at) values (?, ?, 'done', now())`, [
        newId(),
        tenantId,
      ]);
    });
    // What this provider leaves empty is not left out of what follows.
    for (const { table, column, context } of sealedColumns.filter((one) =>
      others.includes(`${one.table}.${one.column}`),
    ))
      await db.system(async (em) => {
        const [row] = await rows<{ id: string }>(em, `select id from ${table} order by id limit 1`);
        const value = oldVault.seal('{}', context(row?.id ?? ''));
        await rows(em, `update ${table} set ${column} = ? where id = ?`, [value, row?.id]);
      });
    expect(await holding()).toEqual(listed);
    const indexes = await db.system((em) =>
      rows<{ name: string }>(
        em,
        `select tablename || '.' || (regexp_match(indexdef, 'substr\\((\\w+), 4, 8\\)'))[1] as name from pg_indexes
         where indexdef like '%substr(%, 4, 8)%'`,
      ),
    );
    expect(indexes.map(({ name }) => name).toSorted()).toEqual(listed);
  });

  it('opens no ciphertext that was moved to another row, column or tenant', async () => {
    const mine = await connect(linkedin('plain+mine@rotation.example'));
    const theirs = await connect(linkedin('plain+theirs@rotation.example'), {}, other);
    await client.account(mine.account.id, 'active');
    await other.account(theirs.account.id, 'active');
    const detailed = (id: string): Promise<Account> =>
      eventually('raw details', async () => {
        const account = await db.system((em) => em.findOneOrFail(Account, { id }));
        return account.rawDetails && account.secret ? account : null;
      });
    const [to, from] = [await detailed(mine.account.id), await detailed(theirs.account.id)];
    expect(oldVault.open(from.rawDetails ?? '', sealed.rawDetails(from.id))).toContain('theirs@rotation.example');
    const put = (rawDetails: string | null): Promise<unknown> =>
      db.system((em) => em.nativeUpdate(Account, { id: to.id }, { rawDetails }));
    for (const moved of [from.rawDetails, to.secret]) {
      await put(moved);
      const answer = await client.get(`/api/v1/accounts/${to.id}`);
      expect(JSON.stringify(answer.body)).not.toContain('theirs@rotation.example');
      expect(() => oldVault.open(moved ?? '', sealed.rawDetails(to.id))).toThrow(/belongs to another row/);
    }
    // Nor does re-encryption bring it to life: it is named, and stays as it is.
    await put(from.rawDetails);
    const done = await reencrypt(db, bothVault);
    expect(done.find(({ column }) => column === 'accounts.raw_details')?.unopened).toEqual([to.id]);
    expect(done.flatMap(({ unopened }) => unopened)).toHaveLength(1);
    const left = await db.system((em) => em.findOneOrFail(Account, { id: to.id }));
    expect(left.rawDetails).toBe(from.rawDetails);
    await put(to.rawDetails);
    // Back to the old key, for what follows.
    await reencrypt(db, vaultOf(oldKey, freshKey));
    expect(await keysInUse()).toEqual([oldId]);
  });

  it('recognises a repeated request after the key changed', async () => {
    await installation.stop();
    await installation.start(freshKey, oldKey);
    const headers = { 'idempotency-key': repeated.key };
    const again = await client.post('/api/v1/accounts', repeated.body, headers);
    expect(again.headers.get('idempotent-replayed')).toBe('true');
    expect(again.body).toEqual(repeated.answer);
    const another = await client.post('/api/v1/accounts', linkedin('someone@rotation.example'), headers);
    expect(another).toMatchObject({ status: 422, body: { code: 'idempotency_key_reused' } });
  });

  it('re-encrypts while everything runs, and keeps what changes meanwhile', async () => {
    expect(await keysInUse()).toEqual(expect.arrayContaining([oldId]));
    const before = await answerOf({ ...noHome, ...installation.settings(freshKey, oldKey) }, 'keys', 'status');
    const [newest, older] = before.keys;
    expect(newest).toMatchObject({ id: freshId, seals: true, may_be_retired: false });
    expect(older).toMatchObject({
      id: oldId,
      seals: false,
      may_be_retired: false,
      why: expect.stringContaining('reencrypt'),
    });

    let last = '';
    let running = true;
    const writer = (async () => {
      for (let n = 0; running; n += 1) {
        last = `sandbox-key-${n}`;
        await fetch(`${installation.url()}/api/v1/providers/unipile`, {
          method: 'PUT',
          headers: { authorization: `Bearer ${other.key}`, 'content-type': 'application/json' },
          body: JSON.stringify({ dsn: installation.unipileUrl, access_token: last }),
        });
      }
    })();
    const { id } = waiting.account;
    const { step } = await client.step(id, 'code');
    // Like an owner who sends the code again while nothing moves.
    const answered = eventually('the code to be taken', async () => {
      await client.post(`/api/v1/accounts/${id}/attempt/steps/${step.id}`, { answer: '123456' });
      return (await client.get(`/api/v1/accounts/${id}`)).body.state === 'active';
    });
    const logins = ['a', 'b', 'c'].map((name) => connect(linkedin(`plain+${name}@rotation.example`)));
    const done = await answerOf({ ...noHome, ...installation.settings(freshKey, oldKey) }, 'keys', 'reencrypt');
    running = false;
    await writer;

    await answered;
    for (const { account } of await Promise.all(logins)) await client.account(account.id, 'active');
    const saved = await db.system((em) => em.findOneOrFail(ProviderCredentials, { tenantId: { $ne: null } }));
    expect(settingsOf(freshVault, saved).access_token).toBe(last);

    expect(done.columns.every(({ unopened }: any) => unopened.length === 0)).toBe(true);
    expect(done.columns.reduce((sum: number, one: any) => sum + one.reencrypted, 0)).toBeGreaterThan(10);
    expect(await keysInUse()).toEqual([freshId]);
    expect(done.keys.find(({ id }: any) => id === oldId)).toMatchObject({ values: 0, may_be_retired: true });
    expect(done.note).toContain('Temporal');
    for (const { table, column, of, context } of sealedColumns) {
      const values = await db.system((em) =>
        rows<{ of: string; value: string }>(
          em,
          `select ${of} as of, ${column} as value from ${table} where ${column} is not null`,
        ),
      );
      for (const one of values) expect(freshVault.open(one.value, context(one.of))).not.toBe('');
    }
  });

  it('overwrites no change that was under way when it came', async () => {
    const { id } = await db.system((em) => em.findOneOrFail(Account, { secret: { $ne: null } }));
    const put = (vault: Vault, text: string) => vault.seal(text, sealed.accountSecret(id));
    await db.system((em) => em.nativeUpdate(Account, { id }, { secret: put(oldVault, 'before') }));
    let release = (): void => undefined;
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    let began = (): void => undefined;
    const locked = new Promise<void>((resolve) => {
      began = resolve;
    });
    const change = db.system(async (em) => {
      await em.nativeUpdate(Account, { id }, { secret: put(oldVault, 'changed meanwhile') });
      began();
      await held;
    });
    await locked;
    const rewriting = reencrypt(db, bothVault);
    await eventually('re-encryption to wait for the row', async () => {
      const [{ n } = { n: 0 }] = await db.system((em) =>
        rows<{ n: number }>(em, `select count(*)::int as n from pg_locks where not granted`),
      );
      return n > 0;
    });
    release();
    await change;
    const done = await rewriting;
    expect(done.find(({ column }) => column === 'accounts.secret')).toMatchObject({ reencrypted: 1, unopened: [] });
    const { secret } = await db.system((em) => em.findOneOrFail(Account, { id }));
    expect(freshVault.open(secret ?? '', sealed.accountSecret(id))).toBe('changed meanwhile');
  });

  it('overwrites no change that came between its reading and its writing', async () => {
    const { id } = await db.system((em) => em.findOneOrFail(Account, { secret: { $ne: null } }));
    const put = (vault: Vault, text: string): Promise<unknown> =>
      db.system((em) => em.nativeUpdate(Account, { id }, { secret: vault.seal(text, sealed.accountSecret(id)) }));
    await put(oldVault, 'before');
    let raced = false;
    const racing: Database = {
      ...db,
      system: async (work) => {
        const found = await db.system(work);
        const read =
          Array.isArray(found) && found.some((row: { id?: string; value?: string }) => row.id === id && row.value);
        if (read && !raced) await put(oldVault, 'changed in between');
        raced ||= read;
        return found;
      },
    };
    await reencrypt(racing, bothVault);
    expect(raced).toBe(true);
    const { secret } = await db.system((em) => em.findOneOrFail(Account, { id }));
    expect(freshVault.open(secret ?? '', sealed.accountSecret(id))).toBe('changed in between');
  });

  /** Events whose bodies the old key sealed. */
  const addEvents = (count: number): Promise<unknown> =>
    db.system(async (em) => {
      const { id: credentialsId } = await em.findOneOrFail(ProviderCredentials, { tenantId: null });
      const events = Array.from({ length: count }, newId).map((id) => ({
        id,
        body: oldVault.seal('{}', sealed.webhookBody(id)),
      }));
      await rows(
        em,
        `insert into webhook_events (id, credentials_id, provider, type, dedupe_key, state, body, deliveries, owes_signal,
           received_at)
         select id, ?, 'unipile', 'some_event', id, 'unmatched', body, 1, false, now()
         from jsonb_to_recordset(?::jsonb) as e (id uuid, body text)`,
        [credentialsId, JSON.stringify(events)],
      );
    });

  it('goes on where it was stopped', async () => {
    await addEvents(350);
    const stopped = reencrypt(db, bothVault, (column, count) => {
      if (column === 'webhook_events.body' && count > 0) throw new Error('killed');
    });
    await expect(stopped).rejects.toThrow('killed');
    expect((await keysInUse()).toSorted()).toEqual([freshId, oldId].toSorted());
    const bodies = (await reencrypt(db, bothVault)).find(({ column }) => column === 'webhook_events.body');
    expect(bodies?.reencrypted).toBeLessThan(350);
    expect(bodies?.reencrypted).toBeGreaterThan(0);
    expect(await keysInUse()).toEqual([freshId]);
    expect((await reencrypt(db, bothVault)).every((one) => one.reencrypted === 0)).toBe(true);
  });

  it('starts no process whose ring lacks a key still in use, with one line that says so', async () => {
    await addEvents(1);
    const env = { ...noHome, ...installation.settings(freshKey), PORT: '0' };
    const refused = await Promise.all([
      run('api/main.ts', [], env),
      run('workers/main.ts', [], env),
      patchbay(env, 'accounts', '--tenant', 'ours'),
    ]);
    for (const { code, stderr } of refused) {
      expect(code).toBe(1);
      expect(stderr).toMatch(new RegExp(`^patchbay: [^\\n]*${oldId}[^\\n]*ENCRYPTION_KEYS[^\\n]*\\n$`));
    }
    const shown = await patchbay(env, 'keys', 'status');
    expect(shown).toMatchObject({ code: 1, stdout: expect.stringContaining('missing') });
    const tried = await patchbay(env, 'keys', 'reencrypt');
    expect(tried).toMatchObject({ code: 1, stderr: expect.stringContaining(oldId) });

    await reencrypt(db, bothVault);
    expect(await patchbay(env, 'accounts', '--tenant', 'ours')).toMatchObject({ code: 0 });
    await installation.stop();
    await installation.start(freshKey);
    const { body } = await client.get(`/api/v1/accounts/${waiting.account.id}`);
    expect(body.state).toBe('active');
  });

  it('asks for the keys in use at the same cost with ten accounts and with ten thousand', async () => {
    const { tenantId } = await db.system((em) => em.findOneOrFail(Account, { id: waiting.account.id }));
    const pagesRead = async (): Promise<number> => {
      const [row] = await db.system((em) =>
        rows<{ 'QUERY PLAN': { Plan: Record<string, number> }[] }>(
          em,
          `explain (analyze, buffers, format json) ${usedKeysSql}`,
        ),
      );
      const plan = row?.['QUERY PLAN'][0]?.Plan ?? {};
      return (plan['Shared Hit Blocks'] ?? NaN) + (plan['Shared Read Blocks'] ?? NaN);
    };
    await db.system((em) =>
      rows(
        em,
        `insert into accounts (id, tenant_id, provider, channel, owner, metadata, state, who, since, raw_details, secret,
           method, created_at, updated_at)
         select gen_random_uuid(), ?, 'unipile', 'mail', 'o' || n, '{}', 'disconnected', 'nobody', now(),
           'v1.' || ? || '.' || repeat('x', 300), 'v1.' || ? || '.' || repeat('x', 300), 'credentials', now(), now()
         from generate_series(1, 10000) n`,
        [tenantId, freshId, freshId],
      ),
    );
    // The accounts alone fill more than a thousand pages.
    expect(await pagesRead()).toBeLessThan(250);
    expect(await keysInUse()).toEqual([freshId]);
  });
});

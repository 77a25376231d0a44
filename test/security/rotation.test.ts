import { randomBytes } from 'node:crypto';
import type { Database } from '../../db/connect.ts';
import { runSql } from '../support/run-sql.ts';
import { settingsOf } from '../../db/queries/tenants/credentials.ts';
import { Account } from '../../db/entities/accounts.ts';
import { ConnectionStep } from '../../db/entities/attempts.ts';
import { ProviderCredentials } from '../../db/entities/tenants.ts';
import { sealed, sealedColumns } from '../../db/sealed.ts';
import { createVault, type Vault } from '../../db/vault.ts';
import { masterKeysInUse, rotateMasterKey } from '../../db/wrapped-keys.ts';
import { newId } from '../../platform/ids.ts';
import { parseKeyRing } from '../../platform/master-keys.ts';
import { answerOf, noHome, patchbay, run } from '../cli/run.ts';
import type { ApiClient } from '../support/client.ts';
import { eventually } from '../support/eventually.ts';
import { createInstallation, type Installation } from './installation.ts';
import { columnsOf } from './places.ts';

const newKey = (): string => randomBytes(32).toString('base64');
const [oldKey, freshKey] = [newKey(), newKey()];
const vaultOf = (newest: string, older?: string): Vault => createVault(parseKeyRing(newest, older));
const [oldVault, bothVault, freshVault] = [vaultOf(oldKey), vaultOf(freshKey, oldKey), vaultOf(freshKey)];
const oldId = oldVault.masterKeys.ids[0];
const freshId = freshVault.masterKeys.ids[0];

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
const keysInUse = async (): Promise<string[]> => (await db.system(masterKeysInUse)).map(({ id }) => id);

/** The login that waits for its code while keys change, and the request that is repeated later. */
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
const filledElsewhere = [
  'accounts.provider_keys',
  'contacts.raw_wasender_data',
  'sync_runs.target',
  'erasures.target',
  'bulk_operations.target',
];

describe('SECURITY 19: key rotation', () => {
  it('covers every column that holds a sealed value', async () => {
    repeated.answer = await connect(repeated.body, { 'idempotency-key': repeated.key });
    waiting = await connect(linkedin('2fa@rotation.example'));
    await client.step(waiting.account.id, 'code');
    await connect({ provider: 'unipile', channel: 'linkedin', owner: 'maya', method: 'hosted' });
    const { id } = repeated.answer.account;
    await client.account(id, 'active');
    await eventually('the details', async () => (await client.get(`/api/v1/accounts/${id}`)).body.connection_config);
    const endpoint = { url: 'https://app.example/events', headers: { 'x-team': 'sales' }, enabled: false };
    expect((await client.post('/api/v1/webhook-endpoints', endpoint)).status).toBe(201);
    // An answer is stored only until its outcome is known.
    const answerId = newId();
    await db.system(async (em) => {
      const step = await em.findOneOrFail(ConnectionStep, { accountId: id }, { orderBy: { number: 'desc' } });
      const keys = await oldVault.keysOf(em, step.tenantId);
      Object.assign(step, { answerId, answer: keys.seal('123456', sealed.stepAnswer(answerId)) });
    });
    const listed = sealedColumns.map(({ table, column }) => `${table}.${column}`).toSorted();
    const holding = async (): Promise<string[]> => {
      const columns = await columnsOf(installation.readerUrl);
      const found = columns.filter(({ bytes }) => /v2\.[0-9a-f]{12}\./.test(bytes.toString()));
      return found.map(({ name }) => name.replace('column ', '')).toSorted();
    };
    const others = listed.filter((name) => filledElsewhere.includes(name));
    await eventually('a value in every sealed column', async () => {
      expect(await holding()).toEqual(listed.filter((name) => !others.includes(name)));
      return true;
    });
    await db.system(async (em) => {
      const [{ tenant_id: tenantId } = { tenant_id: '' }] = await runSql<{ tenant_id: string }>(
        em,
        'select tenant_id from accounts where id = ?',
        [id],
      );
      await runSql(
        em,
        `insert into contacts (id, tenant_id, account_id, is_business_account, wasender_sync_status, created_at, updated_at)
         values (?, ?, ?, false, 'synced', now(), now())`,
        [newId(), tenantId, id],
      );
      await runSql(
        em,
        `insert into sync_runs (id, tenant_id, account_id, kind, state, dry_run, again, stats, started_at)
         values (?, ?, ?, 'contacts', 'succeeded', false, false, '{}', now())`,
        [newId(), tenantId, id],
      );
      await runSql(em, `insert into erasures (id, tenant_id, state, requested_at) values (?, ?, 'done', now())`, [
        newId(),
        tenantId,
      ]);
      await runSql(
        em,
        `insert into bulk_operations (id, tenant_id, kind, filter, options, state, generation, counts, created_at)
         values (?, ?, 'export', '{}', '{}', 'paused', 0, '{}', now())`,
        [newId(), tenantId],
      );
    });
    // Columns that this provider leaves empty are filled for the next checks.
    for (const { table, column, context } of sealedColumns.filter((one) =>
      others.includes(`${one.table}.${one.column}`),
    ))
      await db.system(async (em) => {
        const [row] = await runSql<{ id: string; tenant_id: string }>(
          em,
          `select id, tenant_id from ${table} order by id limit 1`,
        );
        const keys = await oldVault.keysOf(em, row?.tenant_id ?? null);
        const value = keys.seal('{}', context(row?.id ?? ''));
        await runSql(em, `update ${table} set ${column} = ? where id = ?`, [value, row?.id]);
      });
    expect(await holding()).toEqual(listed);
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
    const [ours, others] = await Promise.all([to, from].map(({ tenantId }) => oldVault.keysOf(db, tenantId)));
    expect(others!.open(from.rawDetails ?? '', sealed.rawDetails(from.id))).toContain('theirs@rotation.example');
    const put = (rawDetails: string | null): Promise<unknown> =>
      db.system((em) => em.nativeUpdate(Account, { id: to.id }, { rawDetails }));
    for (const moved of [from.rawDetails, to.secret]) {
      await put(moved);
      const answer = await client.get(`/api/v1/accounts/${to.id}`);
      expect(JSON.stringify(answer.body)).not.toContain('theirs@rotation.example');
    }
    await put(to.rawDetails);
    // Another tenant's key is missing; in another row or column of the tenant its own key opens nothing.
    expect(() => ours!.open(from.rawDetails ?? '', sealed.rawDetails(from.id))).toThrow(/is another tenant's/);
    for (const place of [sealed.rawDetails(to.id), sealed.accountSecret(newId())])
      expect(() => ours!.open(to.secret ?? '', place)).toThrow(/belongs to another row/);
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

  /** Every sealed value, as it is stored. */
  const sealedValues = (): Promise<Map<string, string>> =>
    db.system(async (em) => {
      const values = new Map<string, string>();
      for (const { table, column } of sealedColumns)
        for (const { id, value } of await runSql<{ id: string; value: string }>(
          em,
          `select id, ${column} as value from ${table} where ${column} is not null`,
        ))
          values.set(`${table}.${column} ${id}`, value);
      return values;
    });

  it('wraps the data keys anew while everything runs, and leaves sealed values unchanged', async () => {
    expect(await keysInUse()).toEqual([oldId]);
    const env = { ...noHome, ...installation.settings(freshKey, oldKey) };
    const before = await answerOf(env, 'keys', 'status');
    const [newest, older] = before.keys;
    expect(newest).toMatchObject({ id: freshId, newest: true, data_keys: 0, may_be_retired: false });
    // The installation's, those of two tenants, and that of the ledger.
    expect(older).toMatchObject({
      id: oldId,
      newest: false,
      data_keys: 4,
      may_be_retired: false,
      why: expect.stringContaining('keys rotate'),
    });
    const stored = await sealedValues();

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
    // As an owner sends the code again while nothing moves.
    const answered = eventually('the code to be taken', async () => {
      await client.post(`/api/v1/accounts/${id}/attempt/steps/${step.id}`, { answer: '123456' });
      return (await client.get(`/api/v1/accounts/${id}`)).body.state === 'active';
    });
    const logins = ['a', 'b', 'c'].map((name) => connect(linkedin(`plain+${name}@rotation.example`)));
    // The command's former name still works.
    const done = await answerOf(env, 'keys', 'reencrypt');
    running = false;
    await writer;

    await answered;
    for (const { account } of await Promise.all(logins)) await client.account(account.id, 'active');
    const saved = await db.system((em) => em.findOneOrFail(ProviderCredentials, { tenantId: { $ne: null } }));
    expect(settingsOf(await freshVault.keysOf(db, saved.tenantId), saved).access_token).toBe(last);

    expect(done).toMatchObject({ rewrapped: 4, renewed: 0, unopened: [] });
    expect(await keysInUse()).toEqual([freshId]);
    expect(done.keys.find((one: any) => one.id === oldId)).toMatchObject({ data_keys: 0, may_be_retired: true });
    const untouched = [...(await sealedValues())].filter(([place, value]) => stored.get(place) === value);
    expect(untouched.length).toBeGreaterThan(10);
    for (const { table, column, of, context } of sealedColumns) {
      const values = await db.system((em) =>
        runSql<{ tenant_id: string | null; of: string; value: string }>(
          em,
          `select tenant_id, ${of} as of, ${column} as value from ${table} where ${column} is not null`,
        ),
      );
      for (const one of values)
        expect((await freshVault.keysOf(db, one.tenant_id)).open(one.value, context(one.of))).not.toBe('');
    }
  });

  it('starts no process whose ring lacks a key in use, and names the key in one line', async () => {
    // Back to the old key, under the fresh one's ring.
    await rotateMasterKey(db, vaultOf(oldKey, freshKey).masterKeys);
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
    const tried = await patchbay(env, 'keys', 'rotate');
    expect(tried).toMatchObject({ code: 1, stderr: expect.stringContaining(oldId) });
  });

  it('needs the old key no more afterwards: stored values and running workflows continue without it', async () => {
    const { account } = await connect(linkedin('2fa+later@rotation.example'));
    const { step } = await client.step(account.id, 'code');
    await rotateMasterKey(db, bothVault.masterKeys);
    await installation.stop();
    await installation.start(freshKey);
    const { body } = await client.get(`/api/v1/accounts/${waiting.account.id}`);
    expect(body.state).toBe('active');
    const again = await client.post('/api/v1/accounts', repeated.body, { 'idempotency-key': repeated.key });
    expect(again.headers.get('idempotent-replayed')).toBe('true');
    // Its history, and its first activities, are by processes with the old key.
    await client.post(`/api/v1/accounts/${account.id}/attempt/steps/${step.id}`, { answer: '123456' });
    await client.account(account.id, 'active');
  });

  it('starts new data keys when the old key may be compromised', async () => {
    const env = { ...noHome, ...installation.settings(freshKey) };
    const done = await answerOf(env, 'keys', 'rotate', '--new-data-keys');
    expect(done).toMatchObject({ rewrapped: 0, renewed: 3, unopened: [] });
    expect(done.keys).toEqual([expect.objectContaining({ id: freshId, data_keys: 7 })]);
  });
});

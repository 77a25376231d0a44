import { openDatabase, type Database } from '../../db/connect.ts';
import { runSql } from '../support/run-sql.ts';
import { openDetailsRun } from '../../db/queries/syncs/open-details-run.ts';
import { newId } from '../../platform/ids.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { insertRow, seedTenant, tablesOf, type Table } from './seed.ts';

let test: TestDatabase;
let db: Database;
let tables: Table[];
beforeAll(async () => {
  test = await createTestDatabase();
  db = await openDatabase(test.url, { pool: { app: 2, system: 2 } });
  tables = await db.system(tablesOf);
});
afterAll(async () => {
  await db?.close();
  await test?.drop();
});

/** Two tenants of their own for each test, with one row in each table. */
let one: Record<string, string>;
let two: Record<string, string>;
beforeEach(async () => {
  [one, two] = await db.system(async (em) => [await seedTenant(em, tables), await seedTenant(em, tables)]);
});

const insert = (table: string, given: Record<string, unknown>): Promise<string> =>
  db.system((em) =>
    insertRow(
      em,
      tables.find(({ name }) => name === table)!,
      given,
    ),
  );
const clash = (constraint: string) => ({ code: '23505', constraint });

describe('an upstream login', () => {
  const upstream = () => ({
    tenant_id: one.tenants,
    credentials_id: one.provider_credentials,
    provider_account_id: 'upstream-1',
  });

  it('is one account within its credentials', async () => {
    await insert('accounts', upstream());
    await expect(insert('accounts', upstream())).rejects.toMatchObject(clash('accounts_upstream'));
  });

  it('is one account when two tenants share the credentials', async () => {
    await insert('accounts', upstream());
    await expect(insert('accounts', { ...upstream(), tenant_id: two.tenants })).rejects.toMatchObject(
      clash('accounts_upstream'),
    );
  });

  it('is another one under other credentials', async () => {
    await insert('accounts', upstream());
    await insert('accounts', { ...upstream(), tenant_id: two.tenants, credentials_id: two.provider_credentials });
  });

  it('is free again after its account was merged into another', async () => {
    await insert('accounts', { ...upstream(), merged_into: one.accounts });
    await insert('accounts', { ...upstream(), merged_into: one.accounts });
    await insert('accounts', upstream());
  });

  it('may be unknown for any number of accounts', async () => {
    await insert('accounts', { ...upstream(), provider_account_id: null });
    await insert('accounts', { ...upstream(), provider_account_id: null });
  });
});

describe('an identity', () => {
  const identity = () => ({
    tenant_id: one.tenants,
    provider: 'unipile',
    channel: 'whatsapp',
    identity: '+919876543210',
  });

  it('is one account of its tenant, provider and channel', async () => {
    await insert('accounts', identity());
    await expect(insert('accounts', identity())).rejects.toMatchObject(clash('accounts_identity'));
  });

  it('may be connected by another tenant, through another provider or on another channel', async () => {
    await insert('accounts', identity());
    await insert('accounts', { ...identity(), tenant_id: two.tenants });
    await insert('accounts', { ...identity(), provider: 'wasender' });
    await insert('accounts', { ...identity(), channel: 'telegram' });
  });

  it('is free again after its account was merged into another', async () => {
    await insert('accounts', { ...identity(), merged_into: one.accounts });
    await insert('accounts', identity());
  });

  it('may be unknown for any number of accounts', async () => {
    await insert('accounts', { ...identity(), identity: null });
    await insert('accounts', { ...identity(), identity: null });
  });
});

describe('credentials', () => {
  it('are one set for each provider of a tenant', async () => {
    const mine = { tenant_id: one.tenants, provider: 'unipile' };
    await insert('provider_credentials', mine);
    await expect(insert('provider_credentials', mine)).rejects.toMatchObject(clash('provider_credentials_one'));
    await insert('provider_credentials', { ...mine, provider: 'wasender' });
    await insert('provider_credentials', { ...mine, tenant_id: two.tenants });
  });

  it('are one set for each provider of the installation, too', async () => {
    const shared = { tenant_id: null, provider: newId() };
    await insert('provider_credentials', shared);
    await expect(insert('provider_credentials', shared)).rejects.toMatchObject(clash('provider_credentials_one'));
  });
});

it('stores an event of the same credentials once', async () => {
  const key = { tenant_id: one.tenants, credentials_id: one.provider_credentials, key: 'event-1' };
  await insert('webhook_dedupe', key);
  await expect(insert('webhook_dedupe', key)).rejects.toMatchObject(clash('webhook_dedupe_pkey'));
  await insert('webhook_dedupe', { ...key, credentials_id: two.provider_credentials });
});

it('keeps equal Idempotency-Keys unique within a tenant and route only', async () => {
  const use = { tenant_id: one.tenants, route: 'POST /a', key: 'k' };
  await insert('idempotency_keys', use);
  await expect(insert('idempotency_keys', use)).rejects.toMatchObject(clash('idempotency_keys_scope'));
  await insert('idempotency_keys', { ...use, route: 'POST /b' });
  await insert('idempotency_keys', { ...use, tenant_id: two.tenants });
});

it('never repeats the number of an attempt of an account, or of a step of an attempt', async () => {
  const attempt = { tenant_id: one.tenants, account_id: one.accounts, number: 2 };
  await insert('connection_attempts', attempt);
  await expect(insert('connection_attempts', attempt)).rejects.toMatchObject(clash('connection_attempts_number'));
  await insert('connection_attempts', { ...attempt, tenant_id: two.tenants, account_id: two.accounts });
  const step = { ...attempt, attempt_id: one.connection_attempts };
  await insert('connection_steps', step);
  await expect(insert('connection_steps', step)).rejects.toMatchObject(clash('connection_steps_number'));
});

describe('a run of the details sync', () => {
  const open = () => db.tenant(one.tenants ?? '', (em) => openDetailsRun(em, one.accounts ?? '', new Date()));
  const runs = () =>
    db.system((em) =>
      runSql<{ id: string; state: string; again: boolean }>(
        em,
        "select id, state, again from sync_runs where account_id = ? and kind = 'details' order by id",
        [one.accounts],
      ),
    );

  it('is joined by a second trigger, which makes it run once more', async () => {
    const id = await open();
    expect(await runs()).toEqual([{ id, state: 'running', again: false }]);
    expect(await open()).toBe(id);
    expect(await runs()).toEqual([{ id, state: 'running', again: true }]);
  });

  it('is one for any number of concurrent triggers', async () => {
    const ids = await Promise.all(Array.from({ length: 8 }, open));
    expect(new Set(ids).size).toBe(1);
    expect(await runs()).toHaveLength(1);
  });

  it('is a new one after the last has ended', async () => {
    const id = await open();
    await db.system((em) => runSql(em, "update sync_runs set state = 'succeeded' where id = ?", [id]));
    expect(await open()).not.toBe(id);
  });

  it('may run beside a dry run', async () => {
    const dry = { tenant_id: one.tenants, account_id: one.accounts, kind: 'details', state: 'running', dry_run: true };
    await insert('sync_runs', dry);
    await insert('sync_runs', dry);
    await open();
    expect(await runs()).toHaveLength(3);
  });
});

import { openDatabase, type Database } from '../../db/connect.ts';
import { census } from '../../db/queries/installation/census.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { insertRow, tablesOf, type Table } from './seed.ts';

let test: TestDatabase;
let db: Database;
let tables: Table[];
beforeAll(async () => {
  test = await createTestDatabase();
  db = await openDatabase(test.url, { pool: { app: 1, system: 1 } });
  tables = await db.system(tablesOf);
});
afterAll(async () => {
  await db?.close();
  await test?.drop();
});

const now = new Date('2026-06-01T12:00:00Z');
const hourAgo = new Date('2026-06-01T11:00:00Z');
const since = { contacts: hourAgo, tokens: hourAgo, reminders: hourAgo, bulk: hourAgo };
const before = (minutes: number): Date => new Date(now.getTime() - minutes * 60_000);

it('counts syncs that run, and accounts that can be read and whose contacts no sweep has taken', async () => {
  const table = (name: string): Table => tables.find((one) => one.name === name)!;
  await db.system(async (em) => {
    const tenant_id = await insertRow(em, table('tenants'), {});
    const account = (given: object) =>
      insertRow(em, table('accounts'), { tenant_id, state: 'active', provider_account_id: 'one', ...given });
    const late = await account({ contacts_due_at: before(90) });
    await account({ contacts_due_at: before(30) });
    await account({ contacts_due_at: before(90), state: 'reconnect_required' });
    await account({ contacts_due_at: before(90), provider_account_id: null });
    await account({});
    await account({ keys_due_at: before(90), state: 'reconnect_required', who: 'owner' });
    await account({ keys_due_at: before(30) });
    await account({ keys_due_at: before(90), state: 'connecting' });
    const run = (given: object) => insertRow(em, table('sync_runs'), { tenant_id, account_id: late, ...given });
    await run({ kind: 'contacts', state: 'running' });
    await run({ kind: 'contacts', state: 'succeeded' });
    await run({ kind: 'details', state: 'running', dry_run: true });
    const bulk = (given: object) => insertRow(em, table('bulk_operations'), { tenant_id, ended_at: null, ...given });
    await bulk({ state: 'running', due_at: before(90) });
    await bulk({ state: 'preparing', due_at: before(1) });
    await bulk({ state: 'done', due_at: null });
  });
  expect(await db.system((em) => census(em, now, since))).toMatchObject({
    syncs: [{ kind: 'contacts', n: 1 }],
    overdueContacts: 1,
    overdueTokens: 1,
    overdueAttempts: 0,
    refusedKeys: 0,
    openBulk: 2,
    overdueBulk: 1,
  });
});

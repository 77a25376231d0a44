import { openDatabase, type Database } from '../../db/connect.ts';
import { knownLogins } from '../../db/queries/accounts/known-logins.ts';
import { lockAccount } from '../../db/queries/accounts/lock-accounts.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { insertRow, seedTenant, tablesOf, type Table } from './seed.ts';

let test: TestDatabase;
let db: Database;
let tables: Table[];
let tenant: Record<string, string>;
beforeAll(async () => {
  test = await createTestDatabase();
  db = await openDatabase(test.url, { pool: { app: 2, system: 2 } });
  tables = await db.system(tablesOf);
  tenant = await db.system((em) => seedTenant(em, tables));
});
afterAll(async () => {
  await db?.close();
  await test?.drop();
});

const insert = (name: string, given: Record<string, unknown>): Promise<string> =>
  db.system((em) =>
    insertRow(
      em,
      tables.find((table) => table.name === name)!,
      given,
    ),
  );

it('finds the upstream ids that an account or an attempt records, and no others', async () => {
  await insert('accounts', { tenant_id: tenant.tenants, provider_account_id: 'of-account' });
  const attempt = { tenant_id: tenant.tenants, account_id: tenant.accounts, number: 7 };
  await insert('connection_attempts', { ...attempt, provider_account_id: 'of-attempt' });
  const known = await db.system((em) => knownLogins(em, ['of-account', 'of-attempt', 'of-none', 'a,"b{}']));
  expect(known).toEqual(new Set(['of-account', 'of-attempt']));
});

it('stores events of an account that is locked', async () => {
  const id = tenant.accounts ?? '';
  const locked = Promise.withResolvers<void>();
  const inserted = Promise.withResolvers<void>();
  const holding = db.tenant(tenant.tenants ?? '', async (em) => {
    expect(await lockAccount(em, id)).toMatchObject({ id });
    locked.resolve();
    await inserted.promise;
  });
  await locked.promise;
  const event = { tenant_id: tenant.tenants, account_id: id, credentials_id: tenant.provider_credentials };
  await insert('webhook_events', event);
  inserted.resolve();
  await holding;
});

import { openDatabase, type Database } from '../../db/connect.ts';
import { groupsAlone } from '../../db/queries/accounts/provider-groups.ts';
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

const table = (name: string): Table => tables.find((one) => one.name === name)!;

it('tells the groups of an account that no other connected account of the same credentials is in', async () => {
  const account = await db.system(async (em) => {
    const [tenant_id, other_tenant] = [
      await insertRow(em, table('tenants'), { name: 'one' }),
      await insertRow(em, table('tenants'), { name: 'two' }),
    ];
    const [credentials_id, others] = [
      await insertRow(em, table('provider_credentials'), { tenant_id: null, provider: 'one', webhook_token: 'one' }),
      await insertRow(em, table('provider_credentials'), { tenant_id: null, provider: 'two', webhook_token: 'two' }),
    ];
    let n = 0;
    const add = (groups: string[], given: object = {}) =>
      insertRow(em, table('accounts'), {
        tenant_id,
        credentials_id,
        provider_account_id: `login ${(n += 1)}`,
        identity: null,
        merged_into: null,
        provider_groups: `{${groups.join(',')}}`,
        ...given,
      });
    const own = await add(['user:1', 'page:1', 'page:2', 'page:3', 'page:4']);
    // Of another tenant, by the installation's credentials.
    await add(['user:1'], { tenant_id: other_tenant });
    await add(['page:1'], { provider_account_id: null });
    await add(['page:2'], { credentials_id: others });
    await add(['page:3'], { merged_into: own, provider_account_id: null });
    await add(['page:5']);
    return own;
  });
  const alone = await db.system((em) => groupsAlone(em, String(account)));
  expect(new Set(alone)).toEqual(new Set(['page:1', 'page:2', 'page:3', 'page:4']));
});

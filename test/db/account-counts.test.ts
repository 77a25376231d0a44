import { openDatabase, type Database } from '../../db/connect.ts';
import { accountKinds, foldAccountCounts } from '../../db/queries/health/account-counts.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { runSql } from '../support/run-sql.ts';
import { drawsFrom, type Draws } from '../soak/random.ts';
import { insertRow, tablesOf, type Table } from './seed.ts';

let test: TestDatabase;
let db: Database;
let tables: Table[];
beforeAll(async () => {
  test = await createTestDatabase();
  db = await openDatabase(test.url, { pool: { app: 4, system: 5 } });
  tables = await db.system(tablesOf);
});
afterAll(async () => {
  await db?.close();
  await test?.drop();
});

const table = (name: string): Table => tables.find((one) => one.name === name)!;
const query = <T = any>(statement: string, params: unknown[] = []): Promise<T[]> =>
  db.system((em) => runSql<T>(em, statement, params));
const newTenant = (): Promise<string> => db.system((em) => insertRow(em, table('tenants'), {}));
const newAccount = (tenant_id: string, given: object = {}): Promise<string> =>
  db.system((em) =>
    insertRow(em, table('accounts'), {
      tenant_id,
      provider: 'unipile',
      channel: 'whatsapp',
      state: 'active',
      who: 'nobody',
      ...given,
    }),
  );
const counted = (tenant: string | null) => db.system((em) => accountKinds(em, tenant));
/** From the accounts themselves. */
const recounted = (tenant: string) =>
  query(
    `select provider, channel, state, reason, who, count(*)::int as accounts from accounts
     where tenant_id = ? and merged_into is null group by 1, 2, 3, 4, 5
     order by provider, channel, state, reason nulls first, who`,
    [tenant],
  );

it('counts accounts as they come, move, are merged and go', async () => {
  const tenant = await newTenant();
  const [one, other] = [await newAccount(tenant), await newAccount(tenant, { channel: 'linkedin' })];
  const kind = { provider: 'unipile', channel: 'whatsapp', state: 'active', reason: null, who: 'nobody', accounts: 1 };
  expect(await counted(tenant)).toEqual([{ ...kind, channel: 'linkedin' }, kind]);
  await query("update accounts set state = 'degraded', reason = 'provider_unavailable' where id = ?", [one]);
  await query('update accounts set label = ?, last_sync_at = now() where id = ?', ['moves nothing', one]);
  expect(await counted(tenant)).toMatchObject([
    { channel: 'linkedin', state: 'active', accounts: 1 },
    { channel: 'whatsapp', state: 'degraded', reason: 'provider_unavailable', accounts: 1 },
  ]);
  await query('update accounts set merged_into = ? where id = ?', [one, other]);
  expect(await counted(tenant)).toMatchObject([{ state: 'degraded', accounts: 1 }]);
  await query('delete from accounts where id = ?', [other]);
  await query('delete from accounts where id = ?', [one]);
  expect(await counted(tenant)).toEqual([]);
});

it('counts nothing of a transaction that is undone', async () => {
  const tenant = await newTenant();
  await newAccount(tenant);
  const undone = db.system(async (em) => {
    await runSql(em, "update accounts set state = 'failed' where tenant_id = ?", [tenant]);
    throw new Error('undone');
  });
  await expect(undone).rejects.toThrow('undone');
  expect(await counted(tenant)).toMatchObject([{ state: 'active', accounts: 1 }]);
});

it('shows a tenant its own accounts alone, and goes with it', async () => {
  const [ours, theirs] = [await newTenant(), await newTenant()];
  await newAccount(theirs);
  expect(await db.tenant(ours, (em) => accountKinds(em, ours))).toEqual([]);
  expect(await db.tenant(ours, (em) => accountKinds(em, theirs))).toEqual([]);
  await query('delete from tenants where id = ?', [theirs]);
  expect(await query('select 1 from account_counts where tenant_id = ?', [theirs])).toEqual([]);
});

const states = ['active', 'degraded', 'reconnect_required', 'disconnected'] as const;
const reasons = [null, 'login_lost', 'provider_unavailable'] as const;

/** One writer's transactions: each moves some accounts, in any order, and may be undone. */
async function move(
  tenant: string,
  accounts: readonly [string, ...string[]],
  draws: Draws,
  times: number,
): Promise<void> {
  for (let n = 0; n < times; n += 1) {
    const work = db.system(async (em) => {
      // In one order, so that writers of the same accounts do not wait for each other in a circle.
      const chosen = [...new Set([draws.pick(accounts), draws.pick(accounts), draws.pick(accounts)])].toSorted();
      for (const id of chosen)
        await runSql(em, 'update accounts set state = ?, reason = ? where id = ?', [
          draws.pick(states),
          draws.pick(reasons),
          id,
        ]);
      if (draws.chance(0.2)) throw new Error('undone');
    });
    await work.catch((error: Error) => {
      if (error.message !== 'undone') throw error;
    });
    if (draws.chance(0.1)) await newAccount(tenant);
  }
}

it('is exact after writers, undone transactions and folds at the same time, and folds to one row of each kind', async () => {
  const tenant = await newTenant();
  const accounts: string[] = [];
  for (let n = 0; n < 40; n += 1) accounts.push(await newAccount(tenant));
  const [first, ...others] = accounts;
  let folding = true;
  const folds = (async () => {
    let folded = 0;
    while (folding) folded += await db.system(foldAccountCounts);
    return folded;
  })();
  const two = (async () => {
    while (folding) await db.system(foldAccountCounts);
  })();
  await Promise.all([1, 2, 3].map((seed) => move(tenant, [first!, ...others], drawsFrom(seed), 60)));
  folding = false;
  await two;
  expect(await folds).toBeGreaterThan(100);
  const right = await recounted(tenant);
  expect(await counted(tenant)).toEqual(right);
  // Enough rows of one kind for the last fold to have something to do.
  for (let n = 0; n < 60; n += 1) await newAccount(tenant);
  while ((await db.system(foldAccountCounts)) > 0);
  expect(await counted(tenant)).toEqual(await recounted(tenant));
  const [{ rows: left }] = await query('select count(*)::int as rows from account_counts where tenant_id = ?', [
    tenant,
  ]);
  expect(left).toBeLessThanOrEqual(2 * states.length * reasons.length + 10);
});

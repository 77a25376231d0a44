import { openDatabase, type Database } from '../../db/connect.ts';
import { prepareKeys } from '../../db/data-keys.ts';
import { ensureTenant } from '../../db/queries/tenants/api-keys.ts';
import { createVault, type Vault } from '../../db/vault.ts';
import { newId } from '../../platform/ids.ts';
import { createLog } from '../../platform/log.ts';
import { parseKeyRing } from '../../platform/master-keys.ts';
import { loadConfig } from '../../services/boot.ts';
import { claimMarked, countMarked } from '../../services/analytics/count-marked.ts';
import { insertRow, tablesOf } from '../db/seed.ts';
import { createTestDatabase } from '../support/database.ts';
import { testKey } from '../support/key.ts';
import { runSql } from '../support/run-sql.ts';

/** A database in which messages are written and counted, without an API. */
export interface Counted {
  db: Database;
  vault: Vault;
  /** A tenant of its own with accounts. */
  tenant(
    name: string,
    accounts: number,
    given?: object,
  ): Promise<{ tenantId: string; accounts: [string, ...string[]] }>;
  /** Counts what is marked, as the workflow does. Answers how many accounts it counted. */
  count(now?: Date): Promise<number>;
  query<T = any>(statement: string, params?: readonly unknown[]): Promise<T[]>;
  stop(): Promise<void>;
}

export async function startCounted(): Promise<Counted> {
  const vault = createVault(parseKeyRing(testKey, ''));
  const test = await createTestDatabase();
  const db = await openDatabase(test.url, { pool: { app: 2, system: 8 } });
  await prepareKeys(db, vault.masterKeys);
  const config = loadConfig({ DATABASE_URL: test.url, ENCRYPTION_KEY: testKey });
  const context = { db, config, log: createLog('test', process.env.LOG_LEVEL ?? 'silent') };
  const query: Counted['query'] = (statement, params = []) => db.system((em) => runSql(em, statement, params));
  return {
    db,
    vault,
    query,
    tenant: async (name, accounts, given = {}) => {
      const { id: tenantId } = await db.system((em) => ensureTenant(em, vault, name, new Date()));
      const table = (await db.system(tablesOf)).find((one) => one.name === 'accounts')!;
      const ids: string[] = [];
      for (let n = 0; n < accounts; n += 1) {
        const row = { tenant_id: tenantId, provider: 'wasender', channel: 'whatsapp', provider_account_id: newId() };
        ids.push(await db.system((em) => insertRow(em, table, { ...row, ...given })));
      }
      return { tenantId, accounts: ids as [string, ...string[]] };
    },
    count: async (now = new Date()) => {
      const counting = { now, isOver: () => false, signal: new AbortController().signal, beat: () => undefined };
      const claim = await claimMarked(context, counting);
      if (claim === null) throw new Error('a transaction stays open');
      const { accounts, failed } = await countMarked(context, claim, counting);
      if (failed) throw new Error(`${failed} accounts could not be counted`);
      return accounts;
    },
    stop: async () => {
      await db.close();
      await test.drop();
    },
  };
}

import { openDatabase } from '../../db/connect.ts';
import { createVault } from '../../db/vault.ts';
import { databaseUrlOf } from '../../dev/parts/postgres-roles.ts';
import { newId } from '../../platform/ids.ts';
import { parseKeyRing } from '../../platform/master-keys.ts';
import { playRandomDays } from '../analytics/random-days.ts';
import { recount, storedDays } from '../analytics/recount.ts';
import { patchbay } from '../cli/run.ts';
import { insertRow, tablesOf } from '../db/seed.ts';
import { eventually } from '../support/eventually.ts';
import { testKey } from '../support/key.ts';
import { startRealStack } from '../support/real-stack.ts';
import { runSql } from '../support/run-sql.ts';
import type { Row } from './assertions.ts';
import { openFacts } from './facts.ts';

export interface RandomDaysSize {
  messages: number;
  seed: number;
}

const accountsOfTenant = 6;
const countWithinMs = 120_000;

/** Three days of messages on a running stack, counted by its worker meanwhile, against a count from nothing. */
export async function countedDays({ messages, seed }: RandomDaysSize, report: (text: string) => void): Promise<Row[]> {
  const real = await startRealStack({ RATE_LIMIT_PER_MINUTE: '1000000' });
  const facts = await openFacts(real.stack.describe());
  const db = await openDatabase(databaseUrlOf(real.home, real.stack.describe().database_url, 'superuser'), {
    pool: { app: 1, system: 6 },
  });
  try {
    const system = <T>(statement: string, params: readonly unknown[] = []): Promise<T[]> =>
      db.system((em) => runSql<T>(em, statement, params));
    const [tenant] = await system<{ id: string }>('select id from tenants where name = ?', [
      real.stack.describe().tenant,
    ]);
    const tenantId = tenant?.id ?? '';
    await real.api.patch('/api/v1/tenant', { time_zone: 'Europe/Berlin' });
    const table = (await db.system(tablesOf)).find(({ name }) => name === 'accounts')!;
    const accounts = await Promise.all(
      Array.from({ length: accountsOfTenant }, (_, n) =>
        db.system((em) =>
          insertRow(em, table, {
            tenant_id: tenantId,
            provider: 'wasender',
            channel: 'whatsapp',
            owner: `owner-${n % 2}`,
            state: 'disconnected',
            provider_account_id: newId(),
          }),
        ),
      ),
    );
    let runs = 0;
    const count = async (): Promise<void> => {
      const { code, stderr } = await patchbay(real.env, 'analytics', 'count');
      if (code !== 0) throw new Error(stderr);
      runs += 1;
      await eventually('the run', async () => (await facts.running('aggregateAnalytics')) === 0, countWithinMs);
    };
    // The messages have no files, so that nothing of them is sealed.
    const vault = createVault(parseKeyRing(testKey, ''));
    const own = { db, vault, tenantId, accounts: accounts as [string, ...string[]], messages, seed, count };
    const { transactions, refused } = await playRandomDays(own);
    await eventually(
      'everything to be counted',
      async () => {
        await count();
        return (await facts.count('analytics_marks')) === 0;
      },
      countWithinMs,
    );
    report(
      `${messages} messages in ${transactions} transactions, counted in ${runs} runs; ${refused} of them had to begin again`,
    );
    const expected = await recount(db, tenantId);
    const stored = await storedDays(db, tenantId);
    const names = [...new Set([...Object.keys(expected), ...Object.keys(stored)])];
    const different = names.filter((name) => JSON.stringify(expected[name]) !== JSON.stringify(stored[name]));
    const all = Object.values(expected);
    const sum = (name: 'messages_total' | 'messages_incoming' | 'messages_outgoing'): number =>
      all.reduce((total, one) => total + one[name], 0);
    const { body } = await real.api.get('/api/v1/analytics/daily?from=2026-03-01&to=2026-04-30');
    const told = [body.totals.messages_total, body.totals.messages_incoming, body.totals.messages_outgoing];
    return [
      {
        what: `analytics: days of accounts that differ from a count from nothing, of ${names.length}`,
        expected: '0',
        found: different.length ? different.slice(0, 5).join('; ') : '0',
        ok: different.length === 0 && names.length > 0,
      },
      {
        what: 'analytics: totals over HTTP: all, incoming, outgoing',
        expected: [sum('messages_total'), sum('messages_incoming'), sum('messages_outgoing')].join(', '),
        found: told.join(', '),
        ok: told.join() === [sum('messages_total'), sum('messages_incoming'), sum('messages_outgoing')].join(),
      },
    ];
  } finally {
    await db.close();
    await facts.close();
    await real.stop();
  }
}

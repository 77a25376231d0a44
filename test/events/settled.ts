import type { TestApi } from '../api/support.ts';
import { eventually } from '../support/eventually.ts';
import { runSql } from '../support/run-sql.ts';

/**
 * Waits until every transaction that is open now has ended, those of other tests' databases on the same server among them.
 * What was committed before is in the feed then.
 */
export async function settled({ context: { db } }: TestApi): Promise<void> {
  const ask = async (statement: string): Promise<number> => {
    const [row] = await db.system((em) => runSql<{ n: string }>(em, statement));
    return Number(row?.n);
  };
  const end = await ask('select pg_snapshot_xmax(pg_current_snapshot())::text as n');
  await eventually(
    'the end of open transactions',
    async () => (await ask('select pg_snapshot_xmin(pg_current_snapshot())::text as n')) >= end,
  );
}

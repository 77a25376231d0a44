import type { Em } from '../../connect.ts';
import { rows, sql } from '../../sql.ts';

/** After their workflows were signalled. System role. */
export async function clearOwedSignals(em: Em, accountIds: readonly string[]): Promise<void> {
  await rows(
    em,
    sql`update webhook_events set owes_signal = false where owes_signal and account_id = any(${accountIds}::uuid[])`,
  );
}

import type { Em } from '../../connect.ts';
import { rows, sql } from '../../sql.ts';

/** The workflows of these accounts were signalled: their webhook events owe no signal any more. System role. */
export async function clearOwedSignals(em: Em, accountIds: readonly string[]): Promise<void> {
  await rows(
    em,
    sql`update webhook_events set owes_signal = false where owes_signal and account_id = any(${accountIds}::uuid[])`,
  );
}

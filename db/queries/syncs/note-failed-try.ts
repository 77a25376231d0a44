import type { FailureCode } from '../../../domain/failures.ts';
import type { SyncKind } from '../../../domain/syncs.ts';
import type { Em } from '../../connect.ts';
import { rows, sql } from '../../sql.ts';

/** Shows why the last try of a running sync failed; progress clears it, another try's reason replaces it. */
export async function noteFailedTry(
  em: Em,
  { kind, accountId, scope }: { kind: SyncKind; accountId: string; scope: string },
  reason: FailureCode,
): Promise<void> {
  await rows(
    em,
    sql`update sync_runs set reason = ${reason}
        where kind = ${kind} and account_id = ${accountId} and scope = ${scope} and state = 'running' and not dry_run
          and reason is distinct from ${reason}::text`,
  );
}

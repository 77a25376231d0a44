import type { Em } from '../../connect.ts';
import { rows, sql } from '../../sql.ts';

/** Pauses a running sync that a worker holds by a lease; the worker discards its next page. False where none such runs. */
export async function pauseSync(em: Em, id: string, now: Date): Promise<boolean> {
  const paused = await rows(
    em,
    sql`update sync_runs set paused_at = coalesce(paused_at, ${now}), lease = null, lease_until = null, reason = null
        where id = ${id} and state = 'running' and kind <> 'details' and not dry_run returning id`,
  );
  return paused.length > 0;
}

/** Lets a paused sync run again from where it was; the time that is left is counted from now on. */
export async function resumeSync(em: Em, id: string, now: Date): Promise<void> {
  await rows(
    em,
    sql`update sync_runs set paused_at = null, resumed_at = ${now}, resumed_part = part
        where id = ${id} and state = 'running' and paused_at is not null`,
  );
}

import type { SyncKind } from '../../../domain/syncs.ts';
import { failureRow, type FailureCode } from '../../../domain/failures.ts';
import type { Vault } from '../../vault.ts';
import type { Em } from '../../connect.ts';
import { rows, sql } from '../../sql.ts';
import { dueForCheck } from '../accounts/due-for-check.ts';
import { redactErased } from '../erasures/redact-erased.ts';

/** A running sync that one worker works on; the cursor is committed with the rows before it. */
export interface HeldRun {
  id: string;
  target: string | null;
  cursor: string | null;
  /** Conversations without a newer message are not read, RFC 3339; null: all are. */
  since: string | null;
  stats: Record<string, number>;
}

/** The kinds of runs that a worker holds by a lease. */
type HeldKind = Exclude<SyncKind, 'details'>;

/** An account has one run at a time of each kind and scope. */
export interface RunOf {
  kind: HeldKind;
  tenantId: string;
  accountId: string;
  scope: string;
}

const running = ({ kind, accountId, scope }: RunOf) =>
  sql`kind = ${kind} and account_id = ${accountId} and scope = ${scope} and state = 'running' and paused_at is null
    and not dry_run`;
const heldBy = (id: string, holder: string) =>
  sql`id = ${id} and lease = ${holder} and state = 'running' and paused_at is null`;

/** `busyUntil` when another worker has the lease, null when there is no run, or a paused one. */
export async function claimRun(
  em: Em,
  of: RunOf,
  holder: string,
  now: Date,
  until: Date,
): Promise<HeldRun | { busyUntil: Date } | null> {
  const [found] = await rows<HeldRun & { busy_until: string | null }>(
    em,
    sql`select id, target, cursor, since::text as since, stats,
          case when lease <> ${holder} and lease_until > ${now} then lease_until::text end as busy_until
        from sync_runs where ${running(of)} for no key update`,
  );
  if (!found) return null;
  const { busy_until: busyUntil, ...run } = found;
  if (busyUntil) return { busyUntil: new Date(busyUntil) };
  await rows(em, sql`update sync_runs set lease = ${holder}, lease_until = ${until} where id = ${run.id}`);
  return run;
}

/** The cursor of a run that has read everything. */
export const atTheEnd = 'end';

/** Renews the lease while its holder waits for the provider. */
export async function keepRun(em: Em, id: string, holder: string, until: Date): Promise<void> {
  await rows(em, sql`update sync_runs set lease_until = ${until} where ${heldBy(id, holder)}`);
}

/** How far a run has come; `part` is from 0 to 1, null where it is not known. */
export interface Advance {
  id: string;
  from: string | null;
  to: string | null;
  part: number | null;
  stats: object;
}

/** Stores progress. False when the lease is lost or the run is not at `from`: the caller must roll back. */
export async function moveRun(em: Em, run: Advance, holder: string, until: Date): Promise<boolean> {
  const moved = await rows(
    em,
    sql`update sync_runs set cursor = ${run.to}, part = greatest(part, coalesce(${run.part}::real, part)),
          stats = ${JSON.stringify(run.stats)}::jsonb, lease_until = ${until}, reason = null
        where ${heldBy(run.id, holder)} and cursor is not distinct from ${run.from}::text returning id`,
  );
  return moved.length > 0;
}

/**
 * Ends the run, or restarts it where another trigger came; counts of `startOver` are then replaced. Null when `holder` lost
 * the lease.
 */
export async function endRun(
  em: Em,
  id: string,
  holder: string,
  now: Date,
  startOver: object,
): Promise<{ again: boolean; stats: Record<string, number> } | null> {
  const [run] = await rows<{ again: boolean; stats: Record<string, number> }>(
    em,
    sql`update sync_runs set again = false, cursor = null, lease_until = null, reason = null,
          state = case when again then state else 'succeeded' end,
          ended_at = case when again then null else ${now}::timestamptz end,
          part = case when again then least(part, 0.99) else 1 end,
          stats = case when again then stats || ${JSON.stringify(startOver)}::jsonb else stats end
        where ${heldBy(id, holder)}
        returning state = 'running' as again, stats`,
  );
  return run ?? null;
}

/**
 * Ends the run, unless another worker holds it: then null. Its counts stay. `again`: another trigger restarts it.
 */
export async function failRun(
  em: Em,
  vault: Vault,
  of: RunOf,
  holder: string,
  reason: FailureCode,
  now: Date,
): Promise<{ again: boolean; stats: Record<string, number> } | null> {
  if (failureRow(reason).action === 'reconnect') await dueForCheck(em, of.accountId, now);
  const [run] = await rows<{ id: string; again: boolean; stats: Record<string, number> }>(
    em,
    sql`update sync_runs set again = false, lease = null, lease_until = null,
          state = case when again then state when ${reason} = 'cancelled' then 'cancelled' else 'failed' end,
          reason = case when again then null else ${reason}::text end,
          ended_at = case when again then null else ${now}::timestamptz end
        where ${running(of)} and (lease is null or lease = ${holder} or lease_until is null or lease_until < ${now})
        returning id, stats, state = 'running' as again`,
  );
  if (run && !run.again) {
    if (of.scope !== '') await redactErased(em, vault, [run.id]);
    await rows(em, sql`delete from sync_pages where run_id = ${run.id}`);
  }
  return run ?? null;
}

import type { Vault } from '../../vault.ts';
import type { Em } from '../../connect.ts';
import { rows, sql } from '../../sql.ts';
import { failureRow, type FailureCode } from '../../../domain/failures.ts';
import { dueForCheck } from '../accounts/due-for-check.ts';
import { lockContacts } from '../contacts/lock-contacts.ts';
import { redactErased } from '../erasures/redact-erased.ts';
import { hasIncomplete } from '../contacts/incomplete-contacts.ts';
import { markMissing } from '../contacts/mark-missing.ts';

export interface ContactsRun {
  id: string;
  target: string | null;
  cursor: string | null;
  stats: Record<string, number>;
}

/** An account has one run at a time of each scope. */
export interface RunOf {
  tenantId: string;
  accountId: string;
  scope: string;
}

const running = ({ accountId, scope }: RunOf) =>
  sql`kind = 'contacts' and account_id = ${accountId} and scope = ${scope} and state = 'running' and not dry_run`;
const heldBy = (id: string, holder: string) => sql`id = ${id} and lease = ${holder} and state = 'running'`;

/** `busyUntil` when another worker has the lease, null when there is no run. */
export async function claimRun(
  em: Em,
  of: RunOf,
  holder: string,
  now: Date,
  until: Date,
): Promise<{ run: ContactsRun; pages: Uint8Array[] } | { busyUntil: Date } | null> {
  const [run] = await rows<ContactsRun & { busy_until: string | null }>(
    em,
    sql`select id, target, cursor, stats,
          case when lease <> ${holder} and lease_until > ${now} then lease_until::text end as busy_until
        from sync_runs where ${running(of)} for no key update`,
  );
  if (!run) return null;
  if (run.busy_until) return { busyUntil: new Date(run.busy_until) };
  await rows(em, sql`update sync_runs set lease = ${holder}, lease_until = ${until} where id = ${run.id}`);
  const pages = await rows<{ seen: Uint8Array }>(
    em,
    sql`select seen from sync_pages where run_id = ${run.id} order by number`,
  );
  return { run, pages: pages.map(({ seen }) => seen) };
}

export const atTheEnd = 'end';

/** Renews the lease while its holder waits for the provider. */
export async function keepRun(em: Em, id: string, holder: string, until: Date): Promise<void> {
  await rows(em, sql`update sync_runs set lease_until = ${until} where ${heldBy(id, holder)}`);
}

/** Stores progress. False when the lease is lost or the run is not at `from`: the caller must roll back. */
export async function advanceRun(
  em: Em,
  { tenantId }: RunOf,
  run: { id: string; from: string | null; to: string | null; part: number | null; stats: object; seen: Buffer },
  holder: string,
  until: Date,
): Promise<boolean> {
  const moved = await rows(
    em,
    sql`update sync_runs set cursor = ${run.to}, part = greatest(part, coalesce(${run.part}::real, part)),
          stats = ${JSON.stringify(run.stats)}::jsonb, lease_until = ${until}, reason = null
        where ${heldBy(run.id, holder)} and cursor is not distinct from ${run.from}::text returning id`,
  );
  if (!moved.length) return false;
  if (run.seen.length)
    await rows(
      em,
      sql`insert into sync_pages (run_id, number, tenant_id, seen)
          select ${run.id}::uuid, coalesce(max(number), 0) + 1, ${tenantId}::uuid, ${run.seen}::bytea
          from sync_pages where run_id = ${run.id}`,
    );
  return true;
}

// Counters that another pass starts anew: of entries, not of people.
const startOver = { total_fetched: 0, skipped: 0, failed_updates: 0, erased: 0, duplicates: 0 };

/** Ends the run, or restarts it where another trigger came. Null when `holder` lost the lease. */
export async function finishRun(
  em: Em,
  vault: Vault,
  { accountId, scope }: RunOf,
  id: string,
  holder: string,
  now: Date,
): Promise<'again' | 'done' | null> {
  // Missing contacts are marked below: every writer of contacts takes this lock first.
  await lockContacts(em, accountId);
  const [run] = await rows<{ again: boolean; people: number; failed: number }>(
    em,
    sql`update sync_runs set again = false, cursor = null, lease_until = null, reason = null,
          state = case when again then state else 'succeeded' end,
          ended_at = case when again then null else ${now}::timestamptz end,
          part = case when again then least(part, 0.99) else 1 end,
          stats = case when again then stats || ${JSON.stringify(startOver)}::jsonb else stats end
        where ${heldBy(id, holder)}
        returning state = 'running' as again, coalesce((stats->>'successful_updates')::int, 0) as people,
          coalesce((stats->>'failed_updates')::int, 0) as failed`,
  );
  if (!run) return null;
  // The pages stay: contacts that the first pass inserted count as inserted by the run.
  if (run.again) return 'again';
  // With entries that were not stored, a contact that was not seen is not necessarily missing.
  if (scope === '' && run.failed === 0) await markMissing(em, accountId, { id, people: run.people }, now);
  if (scope !== '') await redactErased(em, vault, [id]);
  await rows(em, sql`delete from sync_pages where run_id = ${id}`);
  return 'done';
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

const dayMs = 86_400_000;

// Due after half of `everyMs`, so that the next fire of the Schedule but one takes the account. Missing pictures and
// numbers
// are due at once, unless the day's quota or the provider deferred them by less than a day.
export async function noteSynced(em: Em, { accountId, scope }: RunOf, at: Date, everyMs: number): Promise<void> {
  const after = (ms: number): Date => new Date(at.getTime() + ms);
  const whole = scope === '' ? sql`last_sync_at = ${at}, contacts_due_at = ${after(everyMs / 2)},` : sql``;
  await rows(
    em,
    sql`update accounts set ${whole}
          pictures_due_at = case
            when (pictures_due_at is null or pictures_due_at > ${after(dayMs)}) and ${hasIncomplete} then ${at}::timestamptz
            else pictures_due_at end
        where id = ${accountId}`,
  );
}

import type { Vault } from '../../vault.ts';
import { bulk, rows, type Em } from '../../connect.ts';
import { lockContacts } from '../contacts/lock-contacts.ts';
import { redactErased } from '../erasures/redact-erased.ts';
import { markMissing } from '../contacts/mark-missing.ts';

/** A run of the contacts sync as who works on it holds it. */
export interface ContactsRun {
  id: string;
  target: string | null;
  cursor: string | null;
  stats: Record<string, number>;
}

/** Which run: an account has one at a time of each scope. */
export interface RunOf {
  tenantId: string;
  accountId: string;
  scope: string;
}

const mine = `kind = 'contacts' and account_id = ? and scope = ? and state = 'running' and not dry_run`;

/**
 * Takes a running sync in hand for `holder`, until `until`. `busyUntil` when somebody else has it, null when there is
 * none.
 */
export async function claimRun(
  em: Em,
  { accountId, scope }: RunOf,
  holder: string,
  now: Date,
  until: Date,
): Promise<{ run: ContactsRun; pages: Uint8Array[] } | { busyUntil: Date } | null> {
  const [run] = await rows<ContactsRun & { busy_until: string | null }>(
    em,
    `select id, target, cursor, stats,
       case when lease <> ? and lease_until > ? then lease_until::text end as busy_until
     from sync_runs where ${mine} for update`,
    [holder, now, accountId, scope],
  );
  if (!run) return null;
  if (run.busy_until) return { busyUntil: new Date(run.busy_until) };
  await rows(em, 'update sync_runs set lease = ?, lease_until = ? where id = ?', [holder, until, run.id]);
  const pages = await rows<{ seen: Uint8Array }>(em, 'select seen from sync_pages where run_id = ? order by number', [
    run.id,
  ]);
  return { run, pages: pages.map(({ seen }) => seen) };
}

/** The cursor of a run that has read everything and must only be ended. */
export const atTheEnd = 'end';

/** Keeps a run in `holder`'s hand while it waits for its provider. */
export async function keepRun(em: Em, id: string, holder: string, until: Date): Promise<void> {
  await rows(em, `update sync_runs set lease_until = ? where id = ? and lease = ? and state = 'running'`, [
    until,
    id,
    holder,
  ]);
}

/**
 * Commits how far a run has come, with the rows that belong to it. False when the run is no longer `holder`'s or stands
 * elsewhere than at `from`: then the transaction must be given up.
 */
export async function advanceRun(
  em: Em,
  { tenantId }: RunOf,
  run: { id: string; from: string | null; to: string | null; part: number | null; stats: object; seen: Buffer },
  holder: string,
  until: Date,
): Promise<boolean> {
  const moved = await rows(
    em,
    `update sync_runs set cursor = ?, part = greatest(part, coalesce(?::real, part)), stats = ?::jsonb, lease_until = ?
     where id = ? and lease = ? and state = 'running' and cursor is not distinct from ?::text returning id`,
    [run.to, run.part, JSON.stringify(run.stats), until, run.id, holder, run.from],
  );
  if (!moved.length) return false;
  if (run.seen.length)
    await bulk(
      em,
      `insert into sync_pages (run_id, number, tenant_id, seen)
       select $1::uuid, coalesce(max(number), 0) + 1, $2::uuid, $3::bytea from sync_pages where run_id = $1::uuid`,
      [run.id, tenantId, run.seen],
    );
  return true;
}

/** What a pass counts anew: what was delivered, not what came of people. */
const startOver = { total_fetched: 0, skipped: 0, failed_updates: 0, erased: 0, duplicates: 0 };

/**
 * Ends a run that has read everything, or, when another trigger came meanwhile, sets it back to its beginning. Null
 * when it is not `holder`'s any more.
 */
export async function finishRun(
  em: Em,
  vault: Vault,
  { accountId, scope }: RunOf,
  id: string,
  holder: string,
  now: Date,
): Promise<'again' | 'done' | null> {
  // Who is missing is noted on contacts: every writer of theirs takes this first.
  await lockContacts(em, accountId);
  const [run] = await rows<{ again: boolean; people: number; failed: number }>(
    em,
    `update sync_runs set again = false, cursor = null, lease_until = null,
       state = case when again then state else 'succeeded' end, ended_at = case when again then null else ?::timestamptz end,
       part = case when again then least(part, 0.99) else 1 end, stats = case when again then stats || ? else stats end
     where id = ? and lease = ? and state = 'running'
     returning state = 'running' as again, coalesce((stats->>'successful_updates')::int, 0) as people,
       coalesce((stats->>'failed_updates')::int, 0) as failed`,
    [now, JSON.stringify(startOver), id, holder],
  );
  if (!run) return null;
  // Whom it has met stays known: what a first pass inserted, the run has inserted.
  if (run.again) return 'again';
  // An entry that could not be stored is somebody who is in the book all the same.
  if (scope === '' && run.failed === 0) await markMissing(em, accountId, { id, people: run.people }, now);
  if (scope !== '') await redactErased(em, vault, [id]);
  await rows(em, 'delete from sync_pages where run_id = ?', [id]);
  return 'done';
}

/**
 * Ends a run for a named reason, unless somebody else than `holder` works on it; what it counted stays. Answers whether
 * another trigger makes it go once more.
 */
export async function failRun(
  em: Em,
  vault: Vault,
  { accountId, scope }: RunOf,
  holder: string,
  reason: string,
  now: Date,
): Promise<boolean> {
  const [run] = await rows<{ id: string; again: boolean }>(
    em,
    `update sync_runs set again = false, lease = null, lease_until = null,
       state = case when again then state else 'failed' end, reason = case when again then null else ? end,
       ended_at = case when again then null else ?::timestamptz end
     where ${mine} and (lease is null or lease = ? or lease_until is null or lease_until < ?)
     returning id, state = 'running' as again`,
    [reason, now, accountId, scope, holder, now],
  );
  if (run && !run.again) {
    if (scope !== '') await redactErased(em, vault, [run.id]);
    await rows(em, 'delete from sync_pages where run_id = ?', [run.id]);
  }
  return run?.again ?? false;
}

import type { Vault } from '../../vault.ts';
import type { Em } from '../../connect.ts';
import { rows, sql } from '../../sql.ts';
import { lockContacts } from '../contacts/lock-contacts.ts';
import { redactErased } from '../erasures/redact-erased.ts';
import { dueForCompletion } from '../contacts/incomplete-contacts.ts';
import { markMissing } from '../contacts/mark-missing.ts';
import { endRun, moveRun, type Advance, type RunOf } from './held-runs.ts';

/** The digests of the people that a run has seen, page by page. */
export const seenPages = async (em: Em, runId: string): Promise<Uint8Array[]> =>
  (await rows<{ seen: Uint8Array }>(em, sql`select seen from sync_pages where run_id = ${runId} order by number`)).map(
    ({ seen }) => seen,
  );

/** Stores progress with whom the page has shown. False when the lease is lost or the run is not at `from`. */
export async function advanceRun(
  em: Em,
  { tenantId }: RunOf,
  { seen, ...run }: Advance & { seen: Buffer },
  holder: string,
  until: Date,
): Promise<boolean> {
  if (!(await moveRun(em, run, holder, until))) return false;
  if (seen.length)
    await rows(
      em,
      sql`insert into sync_pages (run_id, number, tenant_id, seen)
          select ${run.id}::uuid, coalesce(max(number), 0) + 1, ${tenantId}::uuid, ${seen}::bytea
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
  const run = await endRun(em, id, holder, now, startOver);
  if (!run) return null;
  // The pages stay: contacts that the first pass inserted count as inserted by the run.
  if (run.again) return 'again';
  const { successful_updates: people = 0, failed_updates: failed = 0 } = run.stats;
  // With entries that were not stored, a contact that was not seen is not necessarily missing.
  if (scope === '' && failed === 0) await markMissing(em, accountId, { id, people }, now);
  if (scope !== '') await redactErased(em, vault, [id]);
  await rows(em, sql`delete from sync_pages where run_id = ${id}`);
  return 'done';
}

// Due after half of `everyMs`, so that the next fire of the Schedule but one takes the account.
export async function noteSynced(em: Em, { accountId, scope }: RunOf, at: Date, everyMs: number): Promise<void> {
  const next = new Date(at.getTime() + everyMs / 2);
  const whole = scope === '' ? sql`last_sync_at = ${at}, contacts_due_at = ${next},` : sql``;
  await rows(em, sql`update accounts set ${whole} pictures_due_at = ${dueForCompletion(at)} where id = ${accountId}`);
}

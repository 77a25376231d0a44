import { ApplicationFailure, Context } from '@temporalio/activity';
import { rows } from '../../db/connect.ts';
import { targetOf } from '../../db/contacts/open-run.ts';
import { advanceRun, claimRun, failRun, finishRun, type ContactsRun, type RunOf } from '../../db/contacts/run-rows.ts';
import { Account } from '../../db/entities/accounts.ts';
import { ProviderFailure, type FailureCode } from '../../domain/failures.ts';
import type { ContactReader, ProviderCall } from '../../providers/provider.ts';
import { connectionTo } from '../connection/rows.ts';
import { timeOf, type Deps } from '../deps.ts';
import { readBook, type BookPage } from './read-book.ts';
import { readAhead } from './read-ahead.ts';
import { readGroup, readOne } from './read-some.ts';
import { savePage } from './save-page.ts';
import { Tally } from './tally.ts';

export interface SyncContactsRef extends RunOf {
  now: number;
}

/** How long a run stays in its worker's hand after the last page, in milliseconds; longer than any wait in between. */
const leaseMs = 90_000;
/** After this an activity hands back, so that no try of it grows without end, in milliseconds. */
const handBackMs = 10 * 60_000;
/** From this try on the address book is read in the provider's pages: at once it may be too large. */
const triesAtOnce = 4;

/** Who works on a run: every try of one activity is the same holder. */
export interface Holder {
  id: string;
  try: number;
  signal: AbortSignal;
}

const holderOf = (context: Context): Holder => ({
  id: `${context.info.workflowExecution?.workflowId}/${context.info.workflowExecution?.runId}`,
  try: context.info.attempt,
  signal: context.cancellationSignal,
});

/** Goes on with an account's running contacts sync. Answers whether there is more to do in another activity. */
export const syncContacts =
  (deps: Deps) =>
  (ref: SyncContactsRef): Promise<boolean> =>
    workOn(deps, ref, holderOf(Context.current()));

/** Ends a run that failed for good, with its reason. Answers whether another trigger makes it go once more. */
export const giveUpContacts =
  (deps: Deps) =>
  async (ref: SyncContactsRef & { reason: FailureCode }): Promise<boolean> => {
    const again = await deps.db.tenant(ref.tenantId, (em) => failRun(em, ref, ref.reason, timeOf(deps, ref)));
    if (!again) deps.metrics.syncs.inc({ kind: 'contacts', outcome: ref.reason });
    return again;
  };

/** Works on a run until it has ended, its time is over (true) or somebody else took it. */
export async function workOn(deps: Deps, ref: SyncContactsRef, holder: Holder): Promise<boolean> {
  const began = Date.now();
  for (;;) {
    const until = (): Date => new Date(timeOf(deps, ref).getTime() + leaseMs);
    const found = await deps.db.tenant(ref.tenantId, async (em) => {
      const claimed = await claimRun(em, ref, holder.id, timeOf(deps, ref), until());
      if (!claimed || 'busyUntil' in claimed) return claimed;
      const account = await em.findOneOrFail(Account, { id: ref.accountId });
      if (!account.providerAccountId || account.state !== 'active')
        throw new ProviderFailure('not_connected', account.state);
      const { provider, call } = await connectionTo(deps, em, account, timeOf(deps, ref), account.providerAccountId);
      if (!provider.contacts) throw new ProviderFailure('unsupported', 'The provider has no address book.');
      return { ...claimed, reader: provider.contacts, call: { ...call, signal: holder.signal } };
    });
    if (!found) return false;
    if ('busyUntil' in found) throw busy(found.busyUntil.getTime() - timeOf(deps, ref).getTime());
    const tally = new Tally(found.run.stats, found.pages);
    let from = found.run.cursor;
    const pages = pagesOf(deps, ref, found.run, found.reader, found.call, holder);
    for await (const { item: page, next } of readAhead(pages)) {
      const kept = await savePage(deps, ref, tally, page, next, (em, stats, seen) =>
        advanceRun(
          em,
          ref,
          { id: found.run.id, from, to: page.cursor, part: page.part, stats, seen },
          holder.id,
          until(),
        ),
      );
      if (!kept) return false;
      from = page.cursor;
      if (from !== null && Date.now() - began > handBackMs) return true;
    }
    const ended = await deps.db.tenant(ref.tenantId, async (em) => {
      const at = timeOf(deps, ref);
      const outcome = await finishRun(em, found.run.id, holder.id, at);
      if (outcome === 'done') await noteSynced(em, ref, at, deps.contactsEveryMs);
      return outcome;
    });
    if (ended === 'done') deps.metrics.syncs.inc({ kind: 'contacts', outcome: 'succeeded' });
    if (ended !== 'again') return false;
  }
}

/** Somebody else has the run: asked again once their hold has lapsed, should they have died. */
const busy = (forMs: number): ApplicationFailure =>
  ApplicationFailure.create({
    type: 'sync_busy',
    message: 'Another worker is on this sync.',
    nextRetryDelay: Math.max(forMs, 1_000),
  });

function pagesOf(
  deps: Deps,
  ref: SyncContactsRef,
  run: ContactsRun,
  reader: ContactReader,
  call: ProviderCall,
  holder: Holder,
): AsyncIterable<BookPage> {
  const target = targetOf(deps.vault, run);
  if (!target) return readBook(reader, call, run.cursor, holder.try >= triesAtOnce, holder.signal);
  return 'phone' in target
    ? readOne(reader, call, target.phone, holder.signal)
    : readGroup(deps, ref, reader, call, target.group, run.cursor, holder.signal);
}

type Em = Parameters<Parameters<Deps['db']['tenant']>[1]>[0];

/**
 * A whole sync says when the account was last synced. It is due again well before the Schedule's next fire but one, so
 * that no fire passes it by. Pictures that lack are due at once.
 */
async function noteSynced(em: Em, { accountId, scope }: SyncContactsRef, at: Date, everyMs: number): Promise<void> {
  await rows(
    em,
    `update accounts set last_sync_at = case when ? then ?::timestamptz else last_sync_at end,
       contacts_due_at = case when ? then ?::timestamptz else contacts_due_at end,
       pictures_due_at = coalesce(pictures_due_at, case when exists (
         select from contacts where account_id = accounts.id and merged_into is null and (picture_at is null
           or (phone_number is null and lid_asked_at is null and wasender_jid like '%@lid'))
       ) then ?::timestamptz end)
     where id = ?`,
    [scope === '', at, scope === '', new Date(at.getTime() + everyMs / 2), at, accountId],
  );
}

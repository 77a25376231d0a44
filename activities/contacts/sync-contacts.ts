import { ApplicationFailure, Context } from '@temporalio/activity';
import { rows, type Em } from '../../db/connect.ts';
import { targetOf } from '../../db/contacts/open-run.ts';
import {
  advanceRun,
  atTheEnd,
  claimRun,
  failRun,
  finishRun,
  keepRun,
  type ContactsRun,
  type RunOf,
} from '../../db/contacts/run-rows.ts';
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

/** How long a run stays in its worker's hand after the last sign of life, in milliseconds. */
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

export const holderOf = (context: Context): Holder => ({
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
    const holder = holderOf(Context.current()).id;
    const again = await deps.db.tenant(ref.tenantId, (em) =>
      failRun(em, deps.vault, ref, holder, ref.reason, timeOf(deps, ref)),
    );
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
    const keeping = keepHold(deps, ref, found.run.id, holder, until);
    try {
      const outcome = await readAll(deps, ref, found, holder, began, until);
      if (outcome !== 'again') return outcome === 'more';
    } finally {
      clearInterval(keeping);
    }
  }
}

/** A page may wait long for its provider: meanwhile the run stays in this worker's hand. */
function keepHold(
  deps: Deps,
  ref: SyncContactsRef,
  runId: string,
  holder: Holder,
  until: () => Date,
): ReturnType<typeof setInterval> {
  return setInterval(() => {
    deps.db
      .tenant(ref.tenantId, (em) => keepRun(em, runId, holder.id, until()))
      .catch((error: unknown) =>
        deps.log.warn({ account: ref.accountId, err: error }, 'the hold on a sync was not kept'),
      );
  }, leaseMs / 3);
}

interface Claimed {
  run: ContactsRun;
  pages: Uint8Array[];
  reader: ContactReader;
  call: ProviderCall;
}

/** Reads and writes from the run's cursor to its end: `gone` when the run is somebody else's by then. */
async function readAll(
  deps: Deps,
  ref: SyncContactsRef,
  { run, pages: seenBefore, reader, call }: Claimed,
  holder: Holder,
  began: number,
  until: () => Date,
): Promise<'done' | 'again' | 'more' | 'gone'> {
  const state = { tally: new Tally(run.stats, seenBefore), ahead: new Map() };
  let from = run.cursor;
  const pages = from === atTheEnd ? nothing() : pagesOf(deps, ref, run, reader, call, holder);
  for await (const { item: page, next } of readAhead(pages)) {
    const to = page.cursor ?? atTheEnd;
    const kept = await savePage(deps, ref, state, page, next, (em, stats, seen) =>
      advanceRun(em, ref, { id: run.id, from, to, part: page.part, stats, seen }, holder.id, until()),
    );
    if (!kept) return 'gone';
    from = to;
    if (page.cursor !== null && Date.now() - began > handBackMs) return 'more';
  }
  const ended = await deps.db.tenant(ref.tenantId, async (em) => {
    const at = timeOf(deps, ref);
    const outcome = await finishRun(em, deps.vault, ref, run.id, holder.id, at);
    if (outcome === 'done') await noteSynced(em, ref, at, deps.contactsEveryMs);
    return outcome;
  });
  if (ended === 'done') deps.metrics.syncs.inc({ kind: 'contacts', outcome: 'succeeded' });
  return ended ?? 'gone';
}

async function* nothing(): AsyncGenerator<BookPage> {}

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

const aDay = 86_400_000;

/**
 * A whole sync says when the account was last synced. It is due again well before the Schedule's next fire but one, so
 * that no fire passes it by. Pictures that lack are due at once, unless the day's quota or the
 * provider has put them off.
 */
async function noteSynced(em: Em, { accountId, scope }: SyncContactsRef, at: Date, everyMs: number): Promise<void> {
  const after = (ms: number): Date => new Date(at.getTime() + ms);
  await rows(
    em,
    `update accounts set last_sync_at = case when ? then ?::timestamptz else last_sync_at end,
       contacts_due_at = case when ? then ?::timestamptz else contacts_due_at end,
       pictures_due_at = case when (pictures_due_at is null or pictures_due_at > ?) and exists (
         select from contacts where account_id = accounts.id and merged_into is null and (picture_at is null
           or (phone_number is null and lid_asked_at is null and wasender_jid like '%@lid'))
       ) then ?::timestamptz else pictures_due_at end
     where id = ?`,
    [scope === '', at, scope === '', after(everyMs / 2), after(aDay), at, accountId],
  );
}

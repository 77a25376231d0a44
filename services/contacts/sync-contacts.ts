import { rows, type Em } from '../../db/connect.ts';
import { targetOf } from '../../db/queries/syncs/open-contacts-run.ts';
import {
  advanceRun,
  atTheEnd,
  claimRun,
  failRun,
  finishRun,
  keepRun,
  type ContactsRun,
  type RunOf,
} from '../../db/queries/syncs/contacts-run.ts';
import { Account } from '../../db/entities/accounts.ts';
import { ProviderFailure, type FailureCode } from '../../domain/failures.ts';
import type { ContactReader, ProviderCall } from '../../providers/provider.ts';
import { connectionTo } from '../connections/login/attempt-tx.ts';
import { contactsEveryMs, timeOf, type Context } from '../context.ts';
import { readContacts, type ContactBatch } from './read-contacts.ts';
import { prefetch } from './prefetch.ts';
import { readGroup, readOne } from './fetch-selected.ts';
import { savePage } from './save-page.ts';
import { ContactSyncStats } from './contact-sync-stats.ts';

export interface SyncContactsRef extends RunOf {
  now: number;
}

/** Another worker holds the run; it is free after `freeInMs` at the latest, should that worker have died. */
export class SyncBusy extends Error {
  readonly freeInMs: number;

  constructor(freeInMs: number) {
    super('Another worker is on this sync.');
    this.freeInMs = Math.max(freeInMs, 1_000);
  }
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

/** Ends a run that failed for good, with its reason. Answers whether another trigger makes it go once more. */
export async function giveUpContacts(
  context: Context,
  ref: SyncContactsRef & { reason: FailureCode },
  holder: string,
): Promise<boolean> {
  const again = await context.db.tenant(ref.tenantId, (em) =>
    failRun(em, context.vault, ref, holder, ref.reason, timeOf(context, ref)),
  );
  if (!again) context.metrics.syncs.inc({ kind: 'contacts', outcome: ref.reason });
  return again;
}

/**
 * Works on an account's running contacts sync until the run has ended or another worker took it (false), or until the
 * time for one activity is over (true). Throws `SyncBusy` while another worker holds the run.
 */
export async function syncContacts(context: Context, ref: SyncContactsRef, holder: Holder): Promise<boolean> {
  const began = Date.now();
  for (;;) {
    const until = (): Date => new Date(timeOf(context, ref).getTime() + leaseMs);
    const found = await context.db.tenant(ref.tenantId, async (em) => {
      const claimed = await claimRun(em, ref, holder.id, timeOf(context, ref), until());
      if (!claimed || 'busyUntil' in claimed) return claimed;
      const account = await em.findOneOrFail(Account, { id: ref.accountId });
      if (!account.providerAccountId || account.state !== 'active')
        throw new ProviderFailure('not_connected', account.state);
      const { provider, call } = await connectionTo(
        context,
        em,
        account,
        timeOf(context, ref),
        account.providerAccountId,
      );
      if (!provider.contacts) throw new ProviderFailure('unsupported', 'The provider has no address book.');
      return { ...claimed, reader: provider.contacts, call: { ...call, signal: holder.signal } };
    });
    if (!found) return false;
    if ('busyUntil' in found) throw new SyncBusy(found.busyUntil.getTime() - timeOf(context, ref).getTime());
    const keeping = keepHold(context, ref, found.run.id, holder, until);
    try {
      const outcome = await readAll(context, ref, found, holder, began, until);
      if (outcome !== 'again') return outcome === 'more';
    } finally {
      clearInterval(keeping);
    }
  }
}

/** A page may wait long for its provider: meanwhile the run stays in this worker's hand. */
function keepHold(
  context: Context,
  ref: SyncContactsRef,
  runId: string,
  holder: Holder,
  until: () => Date,
): ReturnType<typeof setInterval> {
  return setInterval(() => {
    context.db
      .tenant(ref.tenantId, (em) => keepRun(em, runId, holder.id, until()))
      .catch((error: unknown) =>
        context.log.warn({ account: ref.accountId, err: error }, 'the hold on a sync was not kept'),
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
  context: Context,
  ref: SyncContactsRef,
  { run, pages: seenBefore, reader, call }: Claimed,
  holder: Holder,
  began: number,
  until: () => Date,
): Promise<'done' | 'again' | 'more' | 'gone'> {
  const state = { counted: new ContactSyncStats(run.stats, seenBefore), ahead: new Map() };
  let from = run.cursor;
  const pages = from === atTheEnd ? nothing() : await pagesOf(context, ref, run, reader, call, holder);
  for await (const { item: page, next } of prefetch(pages)) {
    const to = page.cursor ?? atTheEnd;
    const kept = await savePage(context, ref, state, page, next, (em, stats, seen) =>
      advanceRun(em, ref, { id: run.id, from, to, part: page.part, stats, seen }, holder.id, until()),
    );
    if (!kept) return 'gone';
    from = to;
    if (page.cursor !== null && Date.now() - began > handBackMs) return 'more';
  }
  const ended = await context.db.tenant(ref.tenantId, async (em) => {
    const at = timeOf(context, ref);
    const outcome = await finishRun(em, context.vault, ref, run.id, holder.id, at);
    if (outcome === 'done') await noteSynced(em, ref, at, contactsEveryMs(context.config));
    return outcome;
  });
  if (ended === 'done') context.metrics.syncs.inc({ kind: 'contacts', outcome: 'succeeded' });
  return ended ?? 'gone';
}

async function* nothing(): AsyncGenerator<ContactBatch> {}

async function pagesOf(
  context: Context,
  ref: SyncContactsRef,
  run: ContactsRun,
  reader: ContactReader,
  call: ProviderCall,
  holder: Holder,
): Promise<AsyncIterable<ContactBatch>> {
  const target = targetOf(await context.vault.keysOf(context.db, ref.tenantId), run);
  if (!target) return readContacts(reader, call, run.cursor, holder.try >= triesAtOnce, holder.signal);
  return 'phone' in target
    ? readOne(reader, call, target.phone, holder.signal)
    : readGroup(context, ref, reader, call, target.group, run.cursor, holder.signal);
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

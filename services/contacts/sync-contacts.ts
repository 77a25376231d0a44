import { targetOf } from '../../db/queries/syncs/open-contacts-run.ts';
import {
  advanceRun,
  atTheEnd,
  claimRun,
  failRun,
  finishRun,
  keepRun,
  noteSynced,
  type ContactsRun,
  type RunOf,
} from '../../db/queries/syncs/contacts-run.ts';
import { noteFailedTry } from '../../db/queries/syncs/note-failed-try.ts';
import { Account } from '../../db/entities/accounts.ts';
import { ProviderFailure, type FailureCode } from '../../domain/failures.ts';
import type { SyncProgress } from '../../domain/syncs.ts';
import { connectionTo } from '../connections/login/attempt-tx.ts';
import { contactsEveryMs } from '../../platform/config.ts';
import { timeOf, type Context } from '../context.ts';
import { readContacts, readGroup, readOne, type ContactBatch, type Reading } from './read-contacts.ts';
import { savePage } from './save-page.ts';
import { ContactSyncStats, type ContactStats } from './contact-sync-stats.ts';

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

/** How long a worker's lease of a run lasts after its last sign of life, in milliseconds. */
const leaseMs = 90_000;
/** After this an activity ends and another goes on, so that no try grows without end, in milliseconds. */
const handBackMs = 10 * 60_000;
/** From this try on contacts are read in the provider's pages: at once they may be too many. */
const triesAtOnce = 4;

/** The activity that works on a run: every try of it is the same holder. */
export interface Holder {
  id: string;
  try: number;
  signal: AbortSignal;
  /** Called with the run's counts after each page. */
  counted?: (counts: ContactStats) => void;
}

/** Ends a run that failed for good, with its reason. Answers `more` where another trigger makes it go once more. */
export async function giveUpContacts(
  context: Context,
  ref: SyncContactsRef & { reason: FailureCode },
  holder: string,
): Promise<SyncProgress> {
  const ended = await context.db.tenant(ref.tenantId, (em) =>
    failRun(em, context.vault, ref, holder, ref.reason, timeOf(context, ref)),
  );
  if (!ended?.again) context.metrics.syncs.inc({ kind: 'contacts', outcome: ref.reason });
  if (!ended) return { more: false, state: 'none', reason: ref.reason, counts: {} };
  const { again, stats: counts } = ended;
  if (again) return { more: true, state: 'running', reason: null, counts };
  return { more: false, state: ref.reason === 'cancelled' ? 'cancelled' : 'failed', reason: ref.reason, counts };
}

/**
 * Works on an account's running contacts sync until the run has ended or another worker took it, or until the time for
 * one activity is over (`more`). Throws `SyncBusy` while another worker holds the run.
 */
export async function syncContacts(context: Context, ref: SyncContactsRef, holder: Holder): Promise<SyncProgress> {
  const began = Date.now();
  const until = (): Date => new Date(timeOf(context, ref).getTime() + leaseMs);
  for (;;) {
    const found = await claim(context, ref, holder, until()).catch(async (error: unknown) => {
      if (error instanceof ProviderFailure) await noteFailure(context, ref, error);
      throw error;
    });
    if (!found) return { more: false, state: 'none', reason: null, counts: {} };
    if ('busyUntil' in found) throw new SyncBusy(found.busyUntil.getTime() - timeOf(context, ref).getTime());
    const keeping = keepLease(context, ref, found.run.id, holder, until);
    try {
      const counted = new ContactSyncStats(found.run.stats, found.pages);
      const outcome = await readAll(context, ref, found, counted, holder, began, until);
      if (outcome !== 'again') return { ...outcomes[outcome], reason: null, counts: { ...counted.stats } };
    } finally {
      clearInterval(keeping);
    }
  }
}

const outcomes = {
  done: { more: false, state: 'succeeded' },
  more: { more: true, state: 'running' },
  taken: { more: false, state: 'taken' },
} as const;

/** The run's state and its connection, as one lease. */
const claim = (
  context: Context,
  ref: SyncContactsRef,
  holder: Holder,
  until: Date,
): Promise<Claimed | { busyUntil: Date } | null> =>
  context.db.tenant(ref.tenantId, async (em) => {
    const claimed = await claimRun(em, ref, holder.id, timeOf(context, ref), until);
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
    return {
      ...claimed,
      login: account.providerAccountId,
      reading: {
        reader: provider.contacts,
        call: { ...call, signal: holder.signal },
        signal: holder.signal,
        failed: (failure: ProviderFailure) => noteFailure(context, ref, failure),
      },
    };
  });

/** The run shows the reason while it goes on trying. */
async function noteFailure(context: Context, ref: SyncContactsRef, { code }: ProviderFailure): Promise<void> {
  await context.db.tenant(ref.tenantId, (em) => noteFailedTry(em, { kind: 'contacts', ...ref }, code));
}

/** A page may wait long for its provider: the lease is prolonged meanwhile. */
function keepLease(
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
        context.log.warn({ account: ref.accountId, err: error }, 'the lease of a sync was not prolonged'),
      );
  }, leaseMs / 3);
}

interface Claimed {
  run: ContactsRun;
  pages: Uint8Array[];
  /** The login at the provider that is read. */
  login: string;
  reading: Reading;
}

/**
 * Reads and writes from the run's cursor to its end; `taken` when another worker has the run by then, `again` when it has to
 * be claimed anew: for another trigger, or because the account has another login by now.
 */
async function readAll(
  context: Context,
  ref: SyncContactsRef,
  { run, login, reading }: Claimed,
  counted: ContactSyncStats,
  holder: Holder,
  began: number,
  until: () => Date,
): Promise<'done' | 'again' | 'more' | 'taken'> {
  let from = run.cursor;
  const pages = from === atTheEnd ? nothing() : await pagesOf(context, ref, run, reading, holder);
  for await (const page of pages) {
    const to = page.cursor ?? atTheEnd;
    const kept = await savePage(context, ref, login, counted, page, (em, stats, seen) =>
      advanceRun(em, ref, { id: run.id, from, to, part: page.part, stats, seen }, holder.id, until()),
    );
    if (kept !== 'kept') return kept === 'taken' ? 'taken' : 'again';
    holder.counted?.(counted.stats);
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
  return ended ?? 'taken';
}

async function* nothing(): AsyncGenerator<ContactBatch> {}

async function pagesOf(
  context: Context,
  ref: SyncContactsRef,
  run: ContactsRun,
  reading: Reading,
  holder: Holder,
): Promise<AsyncIterable<ContactBatch>> {
  const target = targetOf(await context.vault.keysOf(context.db, ref.tenantId), run);
  if (!target) return readContacts(reading, run.cursor, holder.try >= triesAtOnce);
  return 'phone' in target
    ? readOne(reading, target.phone)
    : readGroup(context, ref, reading, target.group, run.cursor);
}

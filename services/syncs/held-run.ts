import { isWorking } from '../../domain/accounts.ts';
import { claimRun, failRun, keepRun, type HeldRun, type RunOf } from '../../db/queries/syncs/held-runs.ts';
import { noteFailedTry } from '../../db/queries/syncs/note-failed-try.ts';
import type { Em } from '../../db/connect.ts';
import { Account } from '../../db/entities/accounts.ts';
import { lockContacts } from '../../db/queries/contacts/lock-contacts.ts';
import { hasLogin } from '../../db/queries/accounts/lock-accounts.ts';
import { ProviderFailure, type FailureCode } from '../../domain/failures.ts';
import type { SyncProgress } from '../../domain/syncs.ts';
import type { Provider, ProviderCall } from '../../providers/provider.ts';
import { connectionTo } from '../connections/login/attempt-tx.ts';
import { timeOf, type Context } from '../context.ts';
import type { Patience } from './with-retries.ts';

/** A run that an activity works on; `now` is the workflow's time, in milliseconds since the epoch. */
export interface HeldRef extends RunOf {
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

/** Why nothing of a page was kept: another worker has the run, or the account has another login than the one read. */
export class Fenced extends Error {
  readonly by: 'taken' | 'other_login';

  constructor(by: Fenced['by']) {
    super(by);
    this.by = by;
  }
}

/** How long a worker's lease of a run lasts after its last sign of life, in milliseconds. */
const leaseMs = 90_000;
/** After this an activity ends and another goes on, so that no try grows without end, in milliseconds. */
const handBackMs = 10 * 60_000;

/** The activity that works on a run: every try of it is the same holder. */
export interface Holder {
  id: string;
  try: number;
  signal: AbortSignal;
  /** How long it works on a run, in milliseconds; ten minutes by default. */
  forMs?: number;
  /** Called with the run's counts after each page. */
  counted?: (counts: object) => void;
}

/** A run under a worker's lease, with the connection that it reads. */
export interface Held extends Patience {
  run: HeldRun;
  provider: Provider;
  call: ProviderCall;
  /** The login at the provider that is read. */
  login: string;
  holder: Holder;
  /** When the lease ends, if it were renewed now. */
  until(): Date;
  /** The time for one activity is over. */
  isOver(): boolean;
}

/** How work on a held run ended. `again`: it has to be claimed anew, for another trigger. */
interface Worked {
  outcome: 'done' | 'again' | 'more';
  counts: Record<string, number>;
}

const states = {
  done: { more: false, state: 'succeeded' },
  more: { more: true, state: 'running' },
} as const;

/** Ends a run that failed for good, with its reason. Answers `more` where another trigger makes it go once more. */
export async function giveUpRun(
  context: Context,
  ref: HeldRef & { reason: FailureCode },
  holder: string,
): Promise<SyncProgress> {
  const ended = await context.db.tenant(ref.tenantId, (em) =>
    failRun(em, context.vault, ref, holder, ref.reason, timeOf(context, ref)),
  );
  if (!ended?.again) context.metrics.syncs.inc({ kind: ref.kind, outcome: ref.reason });
  if (!ended) return { more: false, state: 'none', reason: ref.reason, counts: {} };
  const { again, stats: counts } = ended;
  if (again) return { more: true, state: 'running', reason: null, counts };
  return { more: false, state: ref.reason === 'cancelled' ? 'cancelled' : 'failed', reason: ref.reason, counts };
}

/**
 * Works on an account's running sync by `work` until the run has ended or another worker took it, or until the time for one
 * activity is over (`more`). Throws `SyncBusy` while another worker holds the run. `work` throws `Fenced` where it must
 * stop.
 */
export async function workOnRun(
  context: Context,
  ref: HeldRef,
  holder: Holder,
  work: (held: Held) => Promise<Worked>,
): Promise<SyncProgress> {
  const began = Date.now();
  const until = (): Date => new Date(timeOf(context, ref).getTime() + leaseMs);
  const isOver = (): boolean => Date.now() - began > (holder.forMs ?? handBackMs);
  for (;;) {
    const found = await claim(context, ref, holder, until()).catch(async (error: unknown) => {
      if (error instanceof ProviderFailure) await noteFailure(context, ref, error);
      throw error;
    });
    if (!found) return { more: false, state: 'none', reason: null, counts: {} };
    if ('busyUntil' in found) throw new SyncBusy(found.busyUntil.getTime() - timeOf(context, ref).getTime());
    const keeping = keepLease(context, ref, found.run.id, holder, until);
    const { signal } = holder;
    const failed = (failure: ProviderFailure): Promise<void> => noteFailure(context, ref, failure);
    try {
      const { outcome, counts } = await work({ ...found, holder, signal, failed, until, isOver });
      if (outcome === 'done') context.metrics.syncs.inc({ kind: ref.kind, outcome: 'succeeded' });
      if (outcome !== 'again') return { ...states[outcome], reason: null, counts };
    } catch (error) {
      if (!(error instanceof Fenced)) throw error;
      if (error.by === 'taken') return { more: false, state: 'taken', reason: null, counts: {} };
    } finally {
      clearInterval(keeping);
    }
  }
}

/**
 * One transaction that writes a page of what a provider answered, under the lock that erasures and disconnections take.
 * Throws `Fenced` when the account has another login than the one that was read.
 */
export const writePage = (
  context: Context,
  { tenantId, accountId }: HeldRef,
  { login }: Pick<Held, 'login'>,
  write: (em: Em) => Promise<void>,
): Promise<void> =>
  context.db.tenant(tenantId, async (em) => {
    // The ledger is read under the lock: a concurrent erasure waits for this page, or this page sees it.
    await lockContacts(em, accountId);
    if (!(await hasLogin(em, accountId, login))) throw new Fenced('other_login');
    await write(em);
  });

/** The run's state and its connection, as one lease. */
const claim = (
  context: Context,
  ref: HeldRef,
  holder: Holder,
  until: Date,
): Promise<Pick<Held, 'run' | 'provider' | 'call' | 'login'> | { busyUntil: Date } | null> =>
  context.db.tenant(ref.tenantId, async (em) => {
    const at = timeOf(context, ref);
    const claimed = await claimRun(em, ref, holder.id, at, until);
    if (!claimed || 'busyUntil' in claimed) return claimed;
    const account = await em.findOneOrFail(Account, { id: ref.accountId });
    if (!account.providerAccountId || !isWorking(account)) throw new ProviderFailure('not_connected', account.state);
    const { provider, call } = await connectionTo(context, em, account, at, account.providerAccountId, 'backfill');
    return {
      run: claimed,
      provider,
      call: { ...call, signal: holder.signal },
      login: account.providerAccountId,
    };
  });

/** The run shows the reason while it goes on trying. */
async function noteFailure(context: Context, ref: HeldRef, { code }: ProviderFailure): Promise<void> {
  await context.db.tenant(ref.tenantId, (em) => noteFailedTry(em, ref, code));
}

/** A page may wait long for its provider: the lease is prolonged meanwhile. */
function keepLease(
  context: Context,
  ref: HeldRef,
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

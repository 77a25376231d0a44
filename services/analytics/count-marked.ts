import { setTimeout as sleep } from 'node:timers/promises';
import type { Em } from '../../db/connect.ts';
import { allDaysOf, countDays, removeGone, sumDays } from '../../db/queries/analytics/count-days.ts';
import {
  claimMarks,
  haveEnded,
  lockDays,
  markedAccounts,
  ownNumber,
  takeMarks,
  tryLockDays,
  type AccountDayRef,
  type MarkedAccount,
} from '../../db/queries/analytics/marks.ts';
import { dateIn, plusDays } from '../../domain/analytics.ts';
import type { SweepProgress } from '../../domain/syncs.ts';
import { firstId, newId } from '../../platform/ids.ts';
import type { Context } from '../context.ts';

/** Accounts of one transaction. */
const chunk = 50;
/** How long writers are waited for, in milliseconds. */
const longestWaitMs = 60_000;
const lookEveryMs = 50;

type CountContext = Pick<Context, 'db' | 'log' | 'config'>;

export interface Counting {
  /** The time of events. */
  now: Date;
  /** The activity's time is over. */
  isOver(): boolean;
  signal: AbortSignal;
  /** Called between transactions. */
  beat(): void;
}

/**
 * Claims every mark, and waits until what it speaks of is committed. Answers the claim; null where a transaction stays open for
 * longer: the next run claims the marks again.
 */
export async function claimMarked(
  { db, log }: Pick<Context, 'db' | 'log'>,
  { signal, beat }: Counting,
): Promise<string | null> {
  const claim = newId();
  while (await db.system((em) => claimMarks(em, claim))) {
    beat();
    signal.throwIfAborted();
  }
  const number = await db.system(ownNumber);
  const until = performance.now() + longestWaitMs;
  while (!(await db.system((em) => haveEnded(em, number)))) {
    if (performance.now() > until) {
      log.warn({ claim }, 'a transaction has been open for a minute: analytics wait for its end until the next hour');
      return null;
    }
    beat();
    await sleep(lookEveryMs, undefined, { signal });
  }
  return claim;
}

/** Counts what a claim has, until it is done or the time is over. One account's failure stops no other. */
export async function countMarked(context: CountContext, claim: string, counting: Counting): Promise<SweepProgress> {
  const failed = new Set<string>();
  let accounts = 0;
  // Accounts that others work on are waited for at the end.
  for (const wait of [false, true]) {
    let after: string = firstId;
    for (;;) {
      const next = await context.db.system((em) => markedAccounts(em, claim, after, chunk));
      const last = next.at(-1);
      if (!last) break;
      after = last.accountId;
      const wanted = next.filter(({ accountId }) => !failed.has(accountId));
      // What is counted whole may have any size.
      const whole = wanted.filter(({ isWhole }) => isWhole).map((one) => [one]);
      for (const some of [wanted.filter(({ isWhole }) => !isWhole), ...whole]) {
        accounts += await countSome(context, claim, some, { ...counting, wait, failed });
        counting.beat();
        counting.signal.throwIfAborted();
      }
      if (counting.isOver()) return { more: true, accounts, failed: failed.size };
    }
  }
  return { more: false, accounts, failed: failed.size };
}

type Some = Counting & { wait: boolean; failed: Set<string> };

async function countSome(
  context: CountContext,
  claim: string,
  accounts: readonly MarkedAccount[],
  some: Some,
): Promise<number> {
  if (!accounts.length) return 0;
  try {
    return await context.db.system((em) => countAccounts(context, em, claim, accounts, some));
  } catch (error) {
    some.signal.throwIfAborted();
    const [one] = accounts;
    if (accounts.length === 1 && one) {
      some.failed.add(one.accountId);
      context.log.warn({ account: one.accountId, tenant: one.tenantId, err: error }, 'analytics could not be counted');
      return 0;
    }
    let done = 0;
    for (const each of accounts) done += await countSome(context, claim, [each], some);
    return done;
  }
}

/** In one transaction, so that a mark is gone only with what it asked for. */
async function countAccounts(
  { config }: CountContext,
  em: Em,
  claim: string,
  accounts: readonly MarkedAccount[],
  { now, wait }: Some,
): Promise<number> {
  const ids = accounts.map(({ accountId }) => accountId);
  if (wait) await lockDays(em, ids);
  const locked = wait ? accounts : await tryLockDays(em, accounts);
  if (!locked.length) return 0;
  const { days, whole, withGone } = await takeMarks(em, claim, locked);
  const all = unique([
    ...days,
    ...(whole.length ? await allDaysOf(em, whole) : []),
    ...(withGone.length ? await removeGone(em, withGone) : []),
  ]);
  if (all.length) {
    const earlier = await countDays(em, all);
    if (earlier.length) await countDays(em, earlier);
    // With margin: retention removes by the hour, and days begin at other times elsewhere.
    const sourcesSince = plusDays(dateIn('UTC', now), Math.min(2 - config.RAW_RETENTION_DAYS, -1));
    await sumDays(em, unique([...all, ...earlier]), now, sourcesSince);
  }
  return locked.length;
}

const unique = (days: readonly AccountDayRef[]): AccountDayRef[] => [
  ...new Map(days.map((one) => [`${one.accountId} ${one.day}`, one])).values(),
];

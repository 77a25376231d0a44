import { setTimeout as pause } from 'node:timers/promises';
import { applyOwed, clearSignals, type EventRef } from '../../db/queries/webhooks/owed.ts';
import type { AccountRef } from '../../temporal/client.ts';
import type { Context } from '../context.ts';
import type { StoredEvent } from './store-requests.ts';

/** Failures in a row after which Temporal is left alone, and for how long, in milliseconds. */
const breakAfter = 5;
const breakMs = 10_000;
/** Pauses before each try to apply what an account owes that another transaction holds, in milliseconds. */
const triesAfter = [50, 200, 500, 1_000, 2_000] as const;

/** Signals accounts' workflows that something was reported about them, after it was committed. */
export interface Signaller {
  /** Repeats for an account that wait at the same time become one signal. Applies first what is owed. */
  signal(account: AccountRef, event: Pick<StoredEvent, 'id' | 'receivedAt' | 'owesEffect'>): void;
  /** Resolves when nothing is on its way any more. */
  idle(): Promise<void>;
}

/** Events of an account that wait for its signal. */
interface Waiting {
  events: EventRef[];
  /** The effect of one of them is owed: the account was locked. */
  owed: boolean;
  done: Promise<void>;
}

/**
 * What is not signalled stays owed in its row, for the reconciler; behind a breaker, so that a Temporal that is down
 * does not collect waiting calls.
 */
export function createSignaller(context: Pick<Context, 'temporal' | 'db' | 'log' | 'clock' | 'stopping'>): Signaller {
  const { temporal, db, log, clock, stopping } = context;
  /** Accounts that are being signalled, with the events that came meanwhile and make it go once more. */
  const busy = new Map<string, Waiting>();
  let failures = 0;
  let restUntil = 0;

  const send = async (account: AccountRef, events: EventRef[]): Promise<void> => {
    if (performance.now() < restUntil) return;
    try {
      await temporal.signalConnection(account, 'webhook');
      failures = 0;
      await db.intake(account.accountId, (em) => clearSignals(em, events));
    } catch (error) {
      failures += 1;
      if (failures >= breakAfter) restUntil = performance.now() + breakMs;
      log.warn({ account: account.accountId, err: error }, 'a signal after a webhook is owed');
    }
  };
  /** Between the tries no connection is held. After the last one, or in a process that stops, the reconciler does it. */
  const apply = async ({ accountId }: AccountRef): Promise<EventRef[]> => {
    try {
      for (const ms of triesAfter) {
        await pause(ms, undefined, { ref: false, signal: stopping });
        const applied = await db.intake(accountId, (em) => applyOwed(em, clock.now(), accountId));
        if (applied.length) return applied.flatMap(({ events }) => events);
      }
    } catch (error) {
      if (!stopping.aborted) log.warn({ account: accountId, err: error }, 'the effect of a webhook is owed');
    }
    return [];
  };
  const work = async (account: AccountRef, waiting: Waiting): Promise<void> => {
    while (waiting.events.length) {
      const events = waiting.events.splice(0);
      const { owed } = waiting;
      waiting.owed = false;
      await send(account, owed ? [...events, ...(await apply(account))] : events);
    }
    busy.delete(account.accountId);
  };

  return {
    signal: (account, { id, receivedAt, owesEffect }) => {
      const known = busy.get(account.accountId);
      const waiting = known ?? { events: [], owed: false, done: Promise.resolve() };
      waiting.events.push({ id, receivedAt });
      waiting.owed ||= owesEffect;
      if (known) return;
      busy.set(account.accountId, waiting);
      waiting.done = work(account, waiting);
    },
    idle: async () => {
      while (busy.size) await Promise.all([...busy.values()].map(({ done }) => done));
    },
  };
}

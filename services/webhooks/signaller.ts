import { arrayOf, rows } from '../../db/connect.ts';
import type { AccountRef } from '../../temporal/client.ts';
import type { Context } from '../context.ts';

/** Failures in a row after which Temporal is left alone, and for how long, in milliseconds. */
const breakAfter = 5;
const breakMs = 10_000;

/** Tells accounts' workflows that something was said about them, after it was committed. */
export interface Signaller {
  /** Repeats for an account that wait at the same time become one signal. */
  tell(account: AccountRef, eventId: string): void;
  /** Resolves when nothing is on its way any more. */
  idle(): Promise<void>;
}

/**
 * What cannot be told stays owed in its row, for the reconciler; behind a breaker, so that a Temporal that is down
 * does not collect waiting calls.
 */
export function createSignaller({ temporal, db, log }: Pick<Context, 'temporal' | 'db' | 'log'>): Signaller {
  /** Accounts being told, with the events that came meanwhile and make it go once more. */
  const busy = new Map<string, { eventIds: string[]; done: Promise<void> }>();
  let failures = 0;
  let restUntil = 0;

  const send = async (account: AccountRef, eventIds: string[]): Promise<void> => {
    if (performance.now() < restUntil) return;
    try {
      await temporal.signalConnection(account);
      failures = 0;
      await db.system((em) =>
        rows(em, 'update webhook_events set owes_signal = false where id = any(?::uuid[])', [arrayOf(eventIds)]),
      );
    } catch (error) {
      failures += 1;
      if (failures >= breakAfter) restUntil = performance.now() + breakMs;
      log.warn({ account: account.accountId, err: error }, 'a signal after a webhook is owed');
    }
  };
  const work = async (account: AccountRef, waiting: { eventIds: string[] }): Promise<void> => {
    while (waiting.eventIds.length) await send(account, waiting.eventIds.splice(0));
    busy.delete(account.accountId);
  };

  return {
    tell: (account, eventId) => {
      const known = busy.get(account.accountId);
      if (known) {
        known.eventIds.push(eventId);
        return;
      }
      const waiting = { eventIds: [eventId], done: Promise.resolve() };
      busy.set(account.accountId, waiting);
      waiting.done = work(account, waiting);
    },
    idle: async () => {
      while (busy.size) await Promise.all([...busy.values()].map(({ done }) => done));
    },
  };
}

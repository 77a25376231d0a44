import { setTimeout as pause } from 'node:timers/promises';
import { settleDeliveries, settling, type Settled } from '../../db/queries/outgoing/settle-deliveries.ts';
import type { Context } from '../context.ts';

/** Writes the outcomes of deliveries, many in one statement. */
export interface Settler {
  add(outcome: Settled): void;
  /** Outcomes that are not written yet. */
  waiting(): number;
  /** Resolves once everything that was added before is written, or `stop` has given up. */
  written(): Promise<void>;
  /** Tries once more to write what is left. */
  stop(): Promise<void>;
}

/** Outcomes of a statement. */
const most = 500;
/** Outcomes gather for this time after each statement, and after one that failed, in milliseconds. */
const gatherMs = 5;
const retryMs = 500;

export function createSettler({ db, log }: Pick<Context, 'db' | 'log'>): Settler {
  const waiting: Settled[] = [];
  let watchers: { left: number; resolve: () => void }[] = [];
  let running: Promise<void> | null = null;
  let isStopped = false;

  const forget = (count: number): void => {
    waiting.splice(0, count);
    for (const watcher of watchers) watcher.left -= count;
    const [done, others] = [watchers.filter(({ left }) => left <= 0), watchers.filter(({ left }) => left > 0)];
    watchers = others;
    for (const { resolve } of done) resolve();
  };
  const write = async (): Promise<void> => {
    while (waiting.length) {
      const part = waiting.slice(0, most);
      try {
        await db.system((em) => settleDeliveries(em, part), settling);
        forget(part.length);
        if (waiting.length < most && !isStopped) await pause(gatherMs);
      } catch (error) {
        log.warn({ err: error }, 'outcomes of deliveries could not be written');
        // Another worker delivers them again, once the lease is over.
        if (isStopped) forget(waiting.length);
        else await pause(retryMs);
      }
    }
    running = null;
  };
  return {
    add: (outcome) => {
      waiting.push(outcome);
      running ??= write();
    },
    waiting: () => waiting.length,
    written: () =>
      waiting.length
        ? new Promise((resolve) => {
            watchers.push({ left: waiting.length, resolve });
          })
        : Promise.resolve(),
    stop: async () => {
      isStopped = true;
      await running;
    },
  };
}

import { setTimeout as sleep } from 'node:timers/promises';
import { addItems, countAsked, settleAttempts, settleSyncs, waitingItems } from '../../db/queries/bulk/items.ts';
import { countItems, lockOperation } from '../../db/queries/bulk/operations.ts';
import { accountConditions } from '../../db/queries/updates/account-conditions.ts';
import { mostAsked, syncOf, usualPerMinute } from '../../domain/bulk.ts';
import { firstId } from '../../platform/ids.ts';
import type { Context } from '../context.ts';
import { takeTurn, type BulkRun } from './take-turn.ts';
import type { BulkJob } from './work.ts';

/** Accounts that one statement finds. */
const pageSize = 1_000;
/** Accounts that are asked at the same time. */
const lanes = 4;
/** How often outcomes are looked for, and how long at the most while nothing happens, in milliseconds. */
const settleEveryMs = 500;
const idleMs = 3_000;
/** How often the feed is told, in milliseconds. */
const noteEveryMs = 5_000;

/** Finds the accounts, page by page; once all are found, the operation runs. */
export async function findAccounts({ db }: Context, { operation, isOver }: BulkJob): Promise<void> {
  const { id, tenantId, filter } = operation;
  for (let isPreparing = true; isPreparing && !isOver();)
    isPreparing = await db.tenant(tenantId, async (em) => {
      const held = await lockOperation(em, id);
      if (held?.state !== 'preparing') return false;
      const after = typeof held.place?.after === 'string' ? held.place.after : firstId;
      const last = await addItems(em, operation, accountConditions(filter), after, pageSize);
      if (last) held.place = { after: last };
      else Object.assign(held, { place: { found: true }, state: 'running', counts: await countItems(em, id) });
      return last !== null;
    });
}

/** What came of the asking. */
export interface AskedAccounts {
  hasAsked: boolean;
  /** When the next account may be asked, in milliseconds since 1970. */
  nextAt: number;
}

/**
 * Asks one account after the other at the operation's pace, and takes over outcomes, until nothing happens any more or the
 * time is over. `from`: when the first may be asked.
 */
export async function askAccounts(context: Context, run: BulkRun, job: BulkJob, from: number): Promise<AskedAccounts> {
  const { db } = context;
  const { isOver, signal } = job;
  const spacingMs = 60_000 / (run.options.per_minute ?? usualPerMinute);
  let nextAt = Math.min(from, Date.now() + spacingMs);
  let hasAsked = false;
  let isAsking = true;
  let movedAt = performance.now();
  let notedAt = performance.now();
  while (!isOver()) {
    const settled = await settle(context, run);
    const { asked, waiting } = await db.tenant(run.tenantId, async (em) => {
      const now = await countAsked(em, run.id);
      const room = isAsking ? mostAsked - now : 0;
      return { asked: now, waiting: room > 0 ? await waitingItems(em, run.id, room) : [] };
    });
    const turns = waiting.values();
    let tried = 0;
    let taken = 0;
    // Lanes share the pace: two turns are so far apart whatever their lanes.
    const lane = async (): Promise<void> => {
      while (nextAt <= job.endsAt && !isOver()) {
        const { value: accountId } = turns.next();
        if (accountId === undefined) return;
        const at = Math.max(Date.now(), nextAt);
        nextAt = at + spacingMs;
        tried += 1;
        await rest(at - Date.now(), signal);
        if (await takeTurn(context, run, accountId)) taken += 1;
      }
    };
    await Promise.all(Array.from({ length: lanes }, lane));
    hasAsked ||= taken > 0;
    // Paused, cancelled, or another process asks: only outcomes are left.
    if (tried > 0 && taken === 0) isAsking = false;
    if (asked === 0 && taken === 0) break;
    const now = performance.now();
    if (taken > 0 || settled > 0) movedAt = now;
    else if (now - movedAt > idleMs) break;
    if (now - notedAt > noteEveryMs) {
      await job.note(await db.tenant(run.tenantId, (em) => countItems(em, run.id)));
      notedAt = now;
    }
    if (taken === 0) await rest(settleEveryMs, signal);
  }
  signal.throwIfAborted();
  return { hasAsked, nextAt };
}

/** Throws the reason of a worker that stops meanwhile. */
const rest = (ms: number, signal: AbortSignal): Promise<void> =>
  sleep(Math.max(0, ms), undefined, { signal }).catch(() => signal.throwIfAborted());

/** Takes over outcomes; answers how many. */
async function settle({ db, clock, metrics }: Context, { id, tenantId, kind }: BulkRun): Promise<number> {
  const { done, failed } = await db.tenant(tenantId, (em) =>
    syncOf(kind) ? settleSyncs(em, id, clock.now()) : settleAttempts(em, id, kind === 'purge', clock.now()),
  );
  metrics.bulkItems.inc({ operation: kind, outcome: 'done' }, done);
  metrics.bulkItems.inc({ operation: kind, outcome: 'failed' }, failed);
  return done + failed;
}

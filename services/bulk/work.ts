import type { BulkOperation } from '../../db/entities/bulk.ts';
import { countItems, lockOperation, noteProgress, readOperation } from '../../db/queries/bulk/operations.ts';
import { isRestored } from '../../db/queries/tenants/paused-sending.ts';
import type { BulkAccountKind, BulkProgress } from '../../domain/bulk.ts';
import { workExport } from '../exports/work-export.ts';
import { timeOf, type Context } from '../context.ts';
import { askAccounts, findAccounts, type AskedAccounts } from './ask-accounts.ts';
import type { BulkRun } from './take-turn.ts';

export interface BulkRef {
  tenantId: string;
  operationId: string;
  /** The workflow's time. */
  now: number;
}

/** What an operation's activity works with. */
export interface BulkJob {
  operation: BulkOperation;
  /** The activity's time is over: another one continues. */
  isOver(): boolean;
  /** When that is, in milliseconds since 1970. */
  endsAt: number;
  /** Throws once the worker stops. */
  signal: AbortSignal;
  /** Says that the workflow lives, with what the feed tells of the operation. */
  note(counts: Record<string, number>): Promise<void>;
}

/** An activity holds a place that others need, too, in milliseconds. */
const activityMs = 30_000;
/** How long an operation rests that waits for outcomes alone, that may not go on, or that found no place; in milliseconds. */
const restMs = { outcomes: 5_000, paused: 60_000, busy: 2_000 };
/** How long after its last word a workflow is assumed lost, in milliseconds. */
const lostAfterMs = 180_000;
/** Of this process: half of its places for fetches in bulk. */
const mostAtOnce = 2;
let atOnce = 0;

const gone: BulkProgress = { more: false, restMs: 0, state: 'none', counts: {} };

/** Works on an operation for some seconds. */
export async function workBulk(context: Context, ref: BulkRef, signal: AbortSignal): Promise<BulkProgress> {
  if (atOnce >= mostAtOnce) return { more: true, restMs: restMs.busy, state: 'busy', counts: {} };
  atOnce += 1;
  try {
    return await work(context, ref, signal);
  } finally {
    atOnce -= 1;
  }
}

async function work(context: Context, ref: BulkRef, signal: AbortSignal): Promise<BulkProgress> {
  const { db } = context;
  const { operation, isPaused } = await db.tenant(ref.tenantId, async (em) => ({
    operation: await readOperation(em, ref.operationId),
    isPaused: await isRestored(em, ref.tenantId),
  }));
  if (!operation) return gone;
  const { state, counts } = operation;
  const endsAt = Date.now() + activityMs;
  const job: BulkJob = {
    operation,
    isOver: () => signal.aborted || Date.now() > endsAt,
    endsAt,
    signal,
    note: (told) => {
      const dueAt = new Date(timeOf(context, ref).getTime() + lostAfterMs);
      return db.tenant(ref.tenantId, (em) => noteProgress(em, ref.operationId, told, dueAt));
    },
  };
  await job.note(counts);
  // After a restore nothing is asked before an operator resumes: it may have been asked since the dump.
  if (isPaused) return { more: true, restMs: restMs.paused, state, counts };
  if (operation.kind === 'export') return workExport(context, job);
  if (state === 'preparing') await findAccounts(context, job);
  const from = operation.place?.next_at ?? 0;
  return close(context, ref, await askAccounts(context, runOf(operation), job, from));
}

const runOf = ({ id, tenantId, kind, filter, options }: BulkOperation): BulkRun => ({
  id,
  tenantId,
  kind: kind as BulkAccountKind,
  filter,
  options,
});

/** What is left of an operation over accounts; ends it where nothing is. */
function close(
  { db, clock, metrics }: Context,
  ref: BulkRef,
  { hasAsked, nextAt }: AskedAccounts,
): Promise<BulkProgress> {
  return db.tenant(ref.tenantId, async (em) => {
    const operation = await lockOperation(em, ref.operationId);
    if (!operation) return gone;
    const counts = await countItems(em, operation.id);
    const isLeft = operation.state === 'preparing' || (operation.state === 'running' && counts.waiting > 0);
    const more = isLeft || counts.asked > 0;
    operation.counts = counts;
    // Kept, so that a new process keeps the pace.
    if (operation.place?.found) operation.place = { found: true, next_at: nextAt };
    if (!more) {
      operation.dueAt = null;
      if (operation.state === 'running') {
        operation.state = 'done';
        operation.endedAt = clock.now();
        metrics.bulkOperations.inc({ operation: operation.kind, outcome: 'done' });
      }
    }
    // A slow pace: at the next turn, though outcomes are looked for meanwhile.
    const untilNext = Math.max(0, nextAt - Date.now());
    const rest = isLeft && (hasAsked || counts.asked === 0) ? untilNext : restMs.outcomes;
    return { more, restMs: Math.min(rest, restMs.paused), state: operation.state, counts };
  });
}

import type { BulkOperation } from '../../db/entities/bulk.ts';
import { retryItems } from '../../db/queries/bulk/items.ts';
import {
  countItems,
  countReasons,
  lockOperation,
  readOperation,
  type Reason,
} from '../../db/queries/bulk/operations.ts';
import { exportKeptMs, type BulkState } from '../../domain/bulk.ts';
import { isId } from '../../platform/ids.ts';
import type { Context } from '../context.ts';
import { Problem } from '../problem.ts';
import { startBulk } from '../signal.ts';

interface OperationRef {
  tenantId: string;
  operationId: string;
}

const noOperation = (): Problem => new Problem('not_found', 'There is no such bulk operation.');

/** An operation as it is now. */
export interface OperationNow {
  operation: BulkOperation;
  counts: Record<string, number>;
  /** Failed and skipped accounts by reason. */
  reasons: Reason[];
}

/** An operation of the tenant; 404 where there is none. */
export function getOperation({ db }: Context, { tenantId, operationId }: OperationRef): Promise<OperationNow> {
  return db.tenant(tenantId, async (em) => {
    const operation = isId(operationId) ? await readOperation(em, operationId) : null;
    if (!operation) throw noOperation();
    const { id, kind, counts } = operation;
    if (kind === 'export') return { operation, counts, reasons: [] };
    return { operation, counts: await countItems(em, id), reasons: await countReasons(em, id) };
  });
}

/** From its return on no further account is asked; outcomes of those that were asked are still taken over. */
export const pauseOperation = (context: Context, ref: OperationRef): Promise<OperationNow> =>
  change(context, ref, ['preparing', 'running'], (operation) => {
    operation.state = 'paused';
  });

/** The same, for good: but it can be taken up again. */
export const cancelOperation = (context: Context, ref: OperationRef): Promise<OperationNow> =>
  change(context, ref, ['preparing', 'running', 'paused'], (operation, now) => {
    const expiresAt = operation.kind === 'export' ? new Date(now.getTime() + exportKeptMs) : null;
    Object.assign(operation, { state: 'cancelled', endedAt: now, expiresAt });
    context.metrics.bulkOperations.inc({ operation: operation.kind, outcome: 'cancelled' });
  });

/** Lets a paused or cancelled operation go on: accounts that were asked are not asked again. */
export const resumeOperation = (context: Context, ref: OperationRef): Promise<OperationNow> =>
  change(context, ref, ['paused', 'cancelled'], (operation, now) => reopen(operation, now), true);

/** Asks the failed accounts once more, of one reason or all. */
export const retryOperation = (
  context: Context,
  ref: OperationRef,
  reason: string | undefined,
): Promise<OperationNow> =>
  context.db
    .tenant(ref.tenantId, async (em) => {
      const operation = await held(em, ref, ['running', 'done', 'cancelled']);
      if ((await retryItems(em, operation.id, reason)) === 0)
        throw new Problem('operation_ended', 'No account has failed, or none for this reason.');
      if (operation.state !== 'running') reopen(operation, context.clock.now());
      return operation;
    })
    .then((operation) => started(context, ref, operation));

/** It may not be known yet which accounts it is about. */
function reopen(operation: BulkOperation, now: Date): void {
  const isFound = operation.place?.found === true;
  Object.assign(operation, {
    state: isFound ? 'running' : 'preparing',
    reason: null,
    endedAt: null,
    expiresAt: null,
    dueAt: now,
  });
}

async function change(
  context: Context,
  ref: OperationRef,
  from: readonly BulkState[],
  write: (operation: BulkOperation, now: Date) => void,
  isStart = false,
): Promise<OperationNow> {
  const changed = await context.db.tenant(ref.tenantId, async (em) => {
    const operation = await held(em, ref, from);
    write(operation, context.clock.now());
    return operation;
  });
  return isStart ? started(context, ref, changed) : getOperation(context, ref);
}

async function started(context: Context, ref: OperationRef, { kind }: BulkOperation): Promise<OperationNow> {
  await startBulk(context, ref, kind, 'api');
  return getOperation(context, ref);
}

/** Locks the operation for a change that is possible in these states. */
async function held(
  em: Parameters<typeof lockOperation>[0],
  { operationId }: OperationRef,
  from: readonly BulkState[],
): Promise<BulkOperation> {
  const operation = isId(operationId) ? await lockOperation(em, operationId) : null;
  if (!operation) throw noOperation();
  if (!from.includes(operation.state)) throw wrongState(operation.state);
  return operation;
}

const wrongState = (state: BulkState): Problem => new Problem('operation_ended', `The operation is ${state}.`);

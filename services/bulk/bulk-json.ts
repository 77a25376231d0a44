import { asFailureCode, failureRow, failures } from '../../domain/failures.ts';
import { skipReasons, type SkipReason } from '../../domain/bulk.ts';
import type { BulkOperation } from '../../db/entities/bulk.ts';
import type { Reason } from '../../db/queries/bulk/operations.ts';

/** A bulk operation as the API and the command show it. Times are RFC 3339 in UTC. */
export const bulkJson = (operation: BulkOperation, counts = operation.counts, reasons: readonly Reason[] = []) => ({
  id: operation.id,
  operation: operation.kind,
  filter: operation.filter,
  ...operation.options,
  state: operation.state,
  reason: operation.reason,
  counts,
  progress: progressOf(operation, counts),
  failed: reasons.filter(({ state }) => state === 'failed').map(shown),
  skipped: reasons.filter(({ state }) => state === 'skipped').map(shown),
  created_at: operation.createdAt.toISOString(),
  ended_at: operation.endedAt?.toISOString() ?? null,
  expires_at: operation.expiresAt?.toISOString() ?? null,
});

export type BulkJson = ReturnType<typeof bulkJson>;

/** The part of the accounts that have an outcome; of an export only 0 and 1 are known. */
function progressOf({ state }: BulkOperation, { total = 0, waiting = 0, asked = 0 }: Record<string, number>): number {
  if (state === 'done') return 1;
  return total > 0 ? (total - waiting - asked) / total : 0;
}

const shown = ({ reason, n }: Reason) => ({ reason, count: n, what_it_means: meaningOf(reason) });

/** What a reason of a failed or skipped account means, and what to do. */
export function meaningOf(reason: string): string {
  if (Object.hasOwn(skipReasons, reason)) return skipReasons[reason as SkipReason];
  return Object.hasOwn(failures, reason) ? failureRow(asFailureCode(reason)).whatToDo : 'The request was refused.';
}

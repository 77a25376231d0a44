import type { SyncRun } from '../../db/entities/events.ts';
import { targetOf, type SyncTarget } from '../../db/queries/syncs/open-contacts-run.ts';
import { asFailureCode, failureRow } from '../../domain/failures.ts';
import type { Keyset } from '../../platform/keyset.ts';

/** What a run's row says only indirectly. */
export interface RunDescription {
  /** The number or group that it is about, empty once that is not kept any more; null: everything. */
  scope: SyncTarget | Record<string, never> | null;
  /** From 0 to 1, as far as it is known. */
  progress: number;
  /** Null where it has not failed. */
  whatToDo: string | null;
}

export const describeRun = (keys: Keyset, run: SyncRun): RunDescription => ({
  scope: targetOf(keys, run) ?? (run.scope === '' ? null : {}),
  progress: run.state === 'succeeded' ? 1 : Math.min(1, run.part),
  whatToDo: run.reason === null ? null : failureRow(asFailureCode(run.reason)).whatToDo,
});

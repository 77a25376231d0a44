import type { SyncRun } from '../../db/entities/events.ts';
import { targetOf } from '../../db/queries/syncs/sync-target.ts';
import { asFailureCode, failureRow } from '../../domain/failures.ts';
import type { Keyset } from '../../platform/keyset.ts';

/** A run as the API and the command show it; `keys` open its scope. Times are RFC 3339 in UTC. */
export const syncJson = (keys: Keyset) => (run: SyncRun) => ({
  id: run.id,
  account_id: run.accountId,
  kind: run.kind,
  scope: targetOf(keys, run) ?? (run.scope === '' ? null : {}),
  state: run.state,
  progress: run.state === 'succeeded' ? 1 : Math.min(1, run.part),
  stats: run.stats,
  reason: run.reason,
  what_to_do: run.reason === null ? null : failureRow(asFailureCode(run.reason)).whatToDo,
  started_at: run.startedAt.toISOString(),
  ended_at: run.endedAt?.toISOString() ?? null,
});

export type SyncJson = ReturnType<ReturnType<typeof syncJson>>;

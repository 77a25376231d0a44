import type { SyncRun } from '../../db/entities/events.ts';
import { targetOf } from '../../db/queries/syncs/sync-target.ts';
import { asFailureCode, failureRow } from '../../domain/failures.ts';
import type { Keyset } from '../../platform/keyset.ts';

/** The seconds that a run still takes if it goes on as since its start, or since it was resumed; null where nothing tells. */
function secondsLeft({ state, part, pausedAt, startedAt, resumedAt, resumedPart }: SyncRun, now: Date): number | null {
  const done = part - (resumedPart ?? 0);
  if (state !== 'running' || pausedAt || done <= 0) return null;
  const seconds = (now.getTime() - (resumedAt ?? startedAt).getTime()) / 1_000;
  return Math.max(0, Math.round((seconds * (1 - Math.min(part, 1))) / done));
}

/** A run as the API and the command show it now; `keys` open its scope. Times are RFC 3339 in UTC. */
export const syncJson = (keys: Keyset, now: Date) => (run: SyncRun) => ({
  id: run.id,
  account_id: run.accountId,
  kind: run.kind,
  scope: targetOf(keys, run) ?? (run.scope === '' ? null : {}),
  state: run.state,
  progress: run.state === 'succeeded' ? 1 : Math.min(1, run.part),
  paused_at: run.pausedAt?.toISOString() ?? null,
  seconds_left: secondsLeft(run, now),
  stats: run.stats,
  reason: run.reason,
  what_to_do: run.reason === null ? null : failureRow(asFailureCode(run.reason)).whatToDo,
  started_at: run.startedAt.toISOString(),
  ended_at: run.endedAt?.toISOString() ?? null,
});

export type SyncJson = ReturnType<ReturnType<typeof syncJson>>;

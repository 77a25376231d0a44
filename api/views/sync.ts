import { z } from 'zod';
import { targetOf } from '../../db/queries/syncs/open-contacts-run.ts';
import type { SyncRun } from '../../db/entities/events.ts';
import { asFailureCode, failureRow } from '../../domain/failures.ts';
import type { Keyset } from '../../platform/keyset.ts';
import { time, wireTime, wireTimeOrNull } from '../http/pagination.ts';

export const syncKinds = ['details', 'contacts'] as const;
export const syncStates = ['running', 'succeeded', 'failed', 'cancelled'] as const;

export const syncAnswer = z
  .object({
    id: z.string(),
    account_id: z.string(),
    kind: z.enum(syncKinds),
    scope: z
      .object({ phone: z.string().optional(), group: z.string().optional() })
      .nullable()
      .describe('The number or group that it is about, empty once that is not kept any more; null: everything.'),
    state: z.enum(syncStates),
    progress: z.number().min(0).max(1).describe('The part that is done, as far as it is known.'),
    stats: z.record(z.string(), z.unknown()),
    reason: z.string().nullable().describe('Why it failed or was cancelled.'),
    what_to_do: z.string().nullable(),
    started_at: time,
    ended_at: time.nullable(),
  })
  .meta({ id: 'SyncRun' });

export type SyncView = z.input<typeof syncAnswer>;

/** A run as callers see it; `keys` open whom it is about. */
export const syncView =
  (keys: Keyset) =>
  (run: SyncRun): SyncView => ({
    id: run.id,
    account_id: run.accountId,
    kind: run.kind,
    scope: targetOf(keys, run) ?? (run.scope === '' ? null : {}),
    state: run.state,
    progress: run.state === 'succeeded' ? 1 : Math.min(1, run.part),
    stats: run.stats,
    reason: run.reason,
    what_to_do: run.reason === null ? null : failureRow(asFailureCode(run.reason)).whatToDo,
    started_at: wireTime(run.startedAt),
    ended_at: wireTimeOrNull(run.endedAt),
  });

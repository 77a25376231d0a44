import { z } from 'zod';
import { syncKinds, syncStates } from '../../domain/syncs.ts';
import type { SyncRun } from '../../db/entities/events.ts';
import type { Keyset } from '../../platform/keyset.ts';
import { syncJson } from '../../services/syncs/sync-json.ts';
import { failureReason } from './failure-reason.ts';
import { time } from '../http/pagination.ts';

export const syncAnswer = z
  .object({
    id: z.string(),
    account_id: z.string(),
    kind: z.enum(syncKinds),
    scope: z
      .object({
        phone: z.string().optional(),
        group: z.string().optional(),
        conversation_ids: z.array(z.string()).optional(),
        conversations: z.enum(['own', 'own_and_others']).optional(),
      })
      .nullable()
      .describe(
        'The number, group or conversations that it is about, empty once that is not kept any more; null: everything. `conversations`: the people of all conversations of two, also of accounts without an address book.',
      ),
    state: z.enum(syncStates),
    progress: z.number().min(0).max(1).describe('The part that is done, as far as it is known.'),
    paused_at: time.nullable().describe('It waits until it is resumed.'),
    seconds_left: z
      .number()
      .int()
      .nullable()
      .describe('An estimate, from what was done since it was started or resumed; null where nothing tells.'),
    stats: z.record(z.string(), z.unknown()),
    reason: failureReason
      .nullable()
      .describe('Why it failed or was cancelled; of a running one, why its last try failed.'),
    what_to_do: z.string().nullable(),
    started_at: time,
    ended_at: time.nullable(),
  })
  .meta({ id: 'SyncRun' });

export type SyncView = z.input<typeof syncAnswer>;

/** A run as callers see it now; `keys` open its scope. */
export const syncView: (keys: Keyset, now: Date) => (run: SyncRun) => SyncView = syncJson;

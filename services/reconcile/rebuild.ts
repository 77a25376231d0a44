import { isDatabaseDown } from '../../db/database-down.ts';
import { firstId } from '../../platform/ids.ts';
import { isTemporalDown } from '../../temporal/unreachable.ts';
import { countPausedTenants, noticeRestore } from '../../db/queries/tenants/paused-sending.ts';
import type { Context } from '../context.ts';
import { pageSize, type Stalled } from './repair.ts';
import {
  bulkOperations,
  connections,
  contactsAgain,
  historyAgain,
  missingContacts,
  missingDetails,
  queues,
  syncs,
} from './stalled.ts';

/** How many connection workflows were signalled, and how many syncs, queues of messages and bulk operations were started. */
export interface Rebuilt {
  connections: number;
  syncs: number;
  queues: number;
  bulk: number;
}

/**
 * Makes everything that is open in PostgreSQL move again, stalled or not: for the loss of Temporal's database. Safe at
 * any time, since a signal only asks for a check. Throws after the last row when some were refused.
 */
export async function rebuild(context: Context): Promise<Rebuilt> {
  await context.temporal.ensureSearchAttributes();
  const isPaused = await context.db.system(async (em) => {
    await noticeRestore(em, context.clock.now());
    return (await countPausedTenants(em)) > 0;
  });
  await context.temporal.ensureSchedules(isPaused);
  const refusals: unknown[] = [];
  const moveAll = async <R extends { id: string }>({ find, move }: Stalled<R>): Promise<number> => {
    let moved = 0;
    for (let after: string | null = firstId; after !== null;) {
      const from: string = after;
      const found = await context.db.system((em) => find(em, from));
      for (const row of found)
        try {
          await move(row);
          moved += 1;
        } catch (error) {
          if (isTemporalDown(error) || isDatabaseDown(error)) throw error;
          refusals.push(error);
        }
      after = found.length === pageSize ? (found.at(-1)?.id ?? null) : null;
    }
    return moved;
  };
  const rebuilt = {
    connections: await moveAll(connections(context, 'open')),
    syncs:
      (await moveAll(syncs(context, 'open'))) +
      (await moveAll(missingDetails(context))) +
      (await moveAll(missingContacts(context))) +
      (await moveAll(contactsAgain(context))) +
      (await moveAll(historyAgain(context))),
    queues: await moveAll(queues(context, 'open')),
    bulk: await moveAll(bulkOperations(context, 'open')),
  };
  if (refusals.length)
    throw new AggregateError(
      refusals,
      `${refusals.length} could not be moved, ${Object.values(rebuilt).reduce((sum, n) => sum + n)} were: run it again.`,
    );
  return rebuilt;
}

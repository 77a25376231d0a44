import { requestChecks } from '../../db/queries/stalled/request-checks.ts';
import { settleRequests } from '../../db/queries/user-requests/user-requests.ts';
import { deletionShownMs } from '../../domain/user-requests.ts';
import type { Context } from '../context.ts';
import { drainContacts } from '../webhooks/drain-contacts.ts';
import { drainMessages } from '../webhooks/drain-messages.ts';
import { drainWebhooks } from '../webhooks/drain-webhooks.ts';
import { createRepair, type Repair } from './repair.ts';
import {
  bulkOperations,
  connections,
  contactsAgain,
  historyAgain,
  erasures,
  missingContacts,
  missingDetails,
  queues,
  refusedKeys,
  syncs,
  userRequests,
} from './stalled.ts';

/** Accounts whose check one round requests: a hundred thousand that are due at once are spread over some hours. */
const checksAtOnce = 200;

/** Moves what is stalled. */
export interface Reconciler {
  /** One bounded batch of each repair. The failure of one repair stops no other. */
  round(isStopping: () => boolean): Promise<void>;
}

/**
 * A reconciler over what PostgreSQL holds as open and no workflow moves, since a signal, a workflow or an event was lost.
 * `intervalMs`: the time between two rounds.
 */
export function createReconciler(context: Context, intervalMs: number): Reconciler {
  const { db, clock, log, metrics } = context;
  const checks: Repair = {
    name: 'checks',
    run: async () => {
      await db.system((em) => requestChecks(em, clock.now(), checksAtOnce));
    },
  };
  const owedEffects: Repair = {
    name: 'owed effects of webhooks',
    run: async () => {
      await drainWebhooks(context);
      await drainMessages(context);
      await drainContacts(context);
    },
  };
  const endedRequests: Repair = {
    name: 'ended deletions of users',
    run: () => db.system((em) => settleRequests(em, clock.now(), deletionShownMs)),
  };
  const repairs: Repair[] = [
    checks,
    owedEffects,
    createRepair(context, intervalMs, connections(context, 'stalled')),
    createRepair(context, intervalMs, erasures(context)),
    createRepair(context, intervalMs, bulkOperations(context, 'stalled')),
    createRepair(context, intervalMs, userRequests(context)),
    endedRequests,
    createRepair(context, intervalMs, refusedKeys(context)),
    createRepair(context, intervalMs, queues(context, 'stalled')),
    createRepair(context, intervalMs, syncs(context, 'stalled')),
    createRepair(context, intervalMs, missingDetails(context)),
    createRepair(context, intervalMs, missingContacts(context)),
    createRepair(context, intervalMs, contactsAgain(context)),
    createRepair(context, intervalMs, historyAgain(context)),
  ];
  // So that the first increase shows: a counter that was never there increases from nothing.
  for (const { name } of repairs)
    for (const outcome of ['succeeded', 'unexpected']) metrics.repairs.inc({ repair: name, outcome }, 0);
  return {
    round: async (isStopping) => {
      for (const { name, run } of repairs) {
        if (isStopping()) return;
        try {
          await run(isStopping);
        } catch (error) {
          metrics.repairs.inc({ repair: name, outcome: 'unexpected' });
          log.warn({ repair: name, err: error }, 'a repair stopped; the next round continues it');
        }
      }
    },
  };
}

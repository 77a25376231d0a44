import { openedRuns } from '../../db/queries/syncs/opened-runs.ts';
import { isDatabaseDown } from '../../db/database-down.ts';
import type { SyncKind } from '../../domain/syncs.ts';
import { firstId } from '../../platform/ids.ts';
import { isTemporalDown } from '../../temporal/unreachable.ts';
import type { Context } from '../context.ts';
import { startSyncWorkflow } from '../signal.ts';

/** Runs read at a time. */
const page = 200;
/** Workflows started at the same time. */
const startsAtOnce = 10;

/**
 * Starts the workflow of each sync of a tenant that was opened, from the run after `after` on. `onPage` is called with
 * the last run of each page. A sync that Temporal refuses is left to the reconciler. Returns how many were started and refused.
 */
export async function startOpenedSyncs(
  { db, temporal, log }: Context,
  { tenantId, kind }: { tenantId: string; kind: SyncKind },
  after: string = firstId,
  onPage: (last: string) => void = () => undefined,
): Promise<{ started: number; refused: number }> {
  let started = 0;
  let refused = 0;
  for (let from: string | null = after; from !== null;) {
    const last: string = from;
    const runs = await db.tenant(tenantId, (em) => openedRuns(em, kind, last, page));
    const turns = runs.values();
    const work = async (): Promise<void> => {
      for (const { scope, id, ...account } of turns) {
        try {
          await startSyncWorkflow(temporal, account, { kind, scope }, 'api');
          started += 1;
        } catch (error) {
          if (isTemporalDown(error) || isDatabaseDown(error)) throw error;
          refused += 1;
          log.warn({ sync: id, err: error }, 'a sync was not started; the reconciler starts it');
        }
      }
    };
    await Promise.all(Array.from({ length: startsAtOnce }, work));
    from = runs.length === page ? (runs.at(-1)?.id ?? null) : null;
    if (from) onPage(from);
  }
  return { started, refused };
}

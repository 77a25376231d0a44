import { setTimeout as pause } from 'node:timers/promises';
import { requestVisits } from '../../db/queries/visits/request-visits.ts';
import {
  accountsToVisit,
  countUnvisited,
  visitResults,
  type VisitResult,
} from '../../db/queries/visits/visit-results.ts';
import type { Context } from '../context.ts';

/** Which accounts are visited at once: all, those of a tenant, or one. */
export interface Chosen {
  tenantId: string | null;
  accountId: string | null;
}

/** What visits that were asked for found, and how many accounts were not visited in time. */
export interface VisitedNow {
  results: VisitResult[];
  left: number;
}

/** How often is looked whether the visits are over, in milliseconds. */
const everyMs = 500;

/**
 * Has connected accounts visited by a sweep that begins now, and waits up to `patienceMs` for them. `paused`: the Schedule of the
 * sweep is, and nothing was asked for. A visit that is under way counts only where it begins once more.
 */
export async function visitNow(
  { db, clock, temporal }: Pick<Context, 'db' | 'clock' | 'temporal'>,
  { tenantId, accountId }: Chosen,
  patienceMs: number,
): Promise<VisitedNow | 'paused'> {
  const since = clock.now();
  const accounts = await db.system(async (em) => {
    const chosen = await accountsToVisit(em, tenantId, accountId);
    return requestVisits(em, chosen, since);
  });
  if (!(await temporal.runPlatforms())) return 'paused';
  const left = (): Promise<number> => db.system((em) => countUnvisited(em, accounts, since));
  for (const end = Date.now() + patienceMs; Date.now() < end && (await left()) > 0;) await pause(everyMs);
  return { results: await db.system((em) => visitResults(em, accounts)), left: await left() };
}

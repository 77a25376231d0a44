import { firstId } from '../../platform/ids.ts';
import { addCounts } from '../../db/queries/erasures/erasures.ts';
import { deleteRuns } from '../../db/queries/erasures/targeted-runs.ts';
import type { Context } from '../context.ts';
import { runsAbout } from './person-records.ts';
import type { ErasingRef } from './remember-erased.ts';

/**
 * Deletes the runs of syncs that were about one person: their target, and the digest of it in their scope. One that is
 * going on finds no run any more and ends.
 */
export async function eraseRuns(
  { db, vault }: Context,
  { tenantId, erasureId }: ErasingRef,
  digests: ReadonlySet<string>,
): Promise<void> {
  for (let after: string | null = firstId; after !== null;)
    after = await db.tenant(tenantId, async (em) => {
      const { found, next } = await runsAbout(em, vault, tenantId, digests, after ?? firstId);
      const ids = found.map(({ id }) => id);
      if (ids.length) await addCounts(em, erasureId, { sync_runs: await deleteRuns(em, ids) });
      return next;
    });
}

import { firstId } from '../../platform/ids.ts';
import { addCounts } from '../../db/queries/erasures/erasures.ts';
import { subjectOfTarget } from '../../db/queries/erasures/redact-erased.ts';
import { openLedger } from '../../db/queries/erasures/ledger-key.ts';
import { deleteRuns, targetedRunsAfter } from '../../db/queries/erasures/targeted-runs.ts';
import type { Context } from '../context.ts';
import type { ErasingRef } from './remember-erased.ts';

/** Runs that are opened at once. */
const pageSize = 500;

/**
 * Deletes the runs of syncs that were about one person: their target, and the digest of it in their scope. One that is
 * going on finds no run any more and ends. What a run was about is read from its target, since the digest of its scope
 * may be of an encryption key that is gone.
 */
export async function eraseRuns(
  { db, vault }: Context,
  { tenantId, erasureId }: ErasingRef,
  digests: ReadonlySet<string>,
): Promise<void> {
  for (let after: string | null = firstId; after !== null;)
    after = await db.tenant(tenantId, async (em) => {
      const page = await targetedRunsAfter(em, after ?? firstId, pageSize);
      const ledger = await openLedger(em, vault);
      const keys = await vault.keysOf(em, tenantId);
      const about = page.filter((run) => {
        const subject = subjectOfTarget(keys, run);
        return subject !== null && digests.has(ledger.digest(tenantId, subject));
      });
      if (about.length)
        await addCounts(em, erasureId, {
          sync_runs: await deleteRuns(
            em,
            about.map(({ id }) => id),
          ),
        });
      return page.length === pageSize ? (page.at(-1)?.id ?? null) : null;
    });
}

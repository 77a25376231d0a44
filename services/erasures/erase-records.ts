import { closeErasure, countsOf, runningErasure } from '../../db/queries/erasures/erasures.ts';
import { digestsOf } from '../../db/queries/erasures/ledger.ts';
import type { ErasureCounts } from '../../domain/erasure.ts';
import { timeOf, type Context } from '../context.ts';
import { withdrawExports } from '../exports/remove-exports.ts';
import { eraseAnswers } from './erase-answers.ts';
import { eraseBodies } from './erase-bodies.ts';
import { eraseRuns } from './erase-runs.ts';
import type { ErasingRef } from './remember-erased.ts';

/**
 * Takes away what else speaks of the person: sealed bodies of events, runs of syncs that were about them, kept answers.
 * Then the erasure is done; `more` where a new name of the person became known meanwhile. `counts`: what it took so far.
 */
export async function eraseRecords(
  context: Context,
  ref: ErasingRef,
): Promise<{ more: boolean; counts: Partial<ErasureCounts> }> {
  const { db, vault } = context;
  const { tenantId, erasureId } = ref;
  const running = await db.tenant(tenantId, (em) => runningErasure(em, vault, erasureId));
  if (!running) return { more: false, counts: await db.tenant(tenantId, (em) => countsOf(em, erasureId)) };
  const digests = await db.tenant(tenantId, (em) => digestsOf(em, erasureId));
  await eraseBodies(context, ref, running.person.subjects, digests);
  await eraseRuns(context, ref, digests);
  await eraseAnswers(context, ref, running.person);
  // What an export reads from now on has nothing of the person.
  await withdrawExports(context, tenantId);
  return db.tenant(tenantId, async (em) => {
    const now = await runningErasure(em, vault, erasureId, true);
    const more = now !== null && now.person.subjects.length > running.person.subjects.length;
    if (!more) await closeErasure(em, erasureId, timeOf(context, ref));
    return { more, counts: await countsOf(em, erasureId) };
  });
}

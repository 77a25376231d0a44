import { addCounts } from '../../db/queries/erasures/erasures.ts';
import { requestsNaming, requestsOfNobodyNaming } from '../../db/queries/erasures/erased-requests.ts';
import { openLedger } from '../../db/queries/erasures/ledger-key.ts';
import { awaitIntake } from '../../db/queries/webhooks/intake-fence.ts';
import { dropBodies, type RequestRef } from '../../db/queries/webhooks/requests.ts';
import type { Em } from '../../db/connect.ts';
import type { Subject } from '../../domain/erasure.ts';
import type { Context } from '../context.ts';
import type { ErasingRef } from './remember-erased.ts';

/** Bodies that one transaction drops at most. */
const batch = 1_000;

/**
 * Drops the bodies of webhook requests that speak of the person. Requests that were being stored when the ledger was
 * written may not have seen it: they are waited for first.
 */
export async function eraseBodies(
  { db, vault }: Context,
  { tenantId, erasureId }: ErasingRef,
  subjects: readonly Subject[],
  digests: ReadonlySet<string>,
): Promise<void> {
  for (const fence of [tenantId, null]) await db.system((em) => awaitIntake(em, fence));
  const drop = async (em: Em, requests: readonly RequestRef[]): Promise<number> => {
    const dropped = await dropBodies(em, requests, 'erased');
    await addCounts(em, erasureId, { webhook_bodies: dropped });
    return requests.length;
  };
  for (let found = batch; found === batch;)
    found = await db.system(async (em) => drop(em, await requestsNaming(em, tenantId, [...digests], batch)));
  if (!subjects.length) return;
  for (let found = batch; found === batch;)
    found = await db.system(async (em) => {
      const ledger = await openLedger(em, vault);
      const ofNobody = subjects.map((one) => ledger.digest(null, one));
      return drop(em, await requestsOfNobodyNaming(em, tenantId, ofNobody, batch));
    });
}

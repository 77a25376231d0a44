import { rows } from '../../db/connect.ts';
import { openLedger } from '../../db/privacy/ledger-key.ts';
import { openOrNull } from '../../db/privacy/open-or-null.ts';
import { manyPeople } from '../../db/privacy/webhook-subjects.ts';
import { sealed } from '../../db/sealed.ts';
import { subjectsIn } from '../../domain/privacy.ts';
import type { Deps } from '../deps.ts';
import { dropBodies } from './drop-bodies.ts';
import type { ErasingRef } from './remember-erased.ts';

/**
 * Bodies that speak of more people than are noted beside an event are opened, one after the other: the tenant's, and
 * those of nobody that name an upstream account of the tenant.
 */
export async function eraseLargeBodies(
  { db, vault }: Deps,
  { tenantId, erasureId }: ErasingRef,
  digests: ReadonlySet<string>,
): Promise<void> {
  const marked = await db.system((em) =>
    rows<{ id: string }>(
      em,
      `select e.id from webhook_subjects s join webhook_events e on e.id = s.event_id
       where s.digest = ? and (s.tenant_id = ? or (s.tenant_id is null and exists (
         select from accounts a where a.credentials_id = e.credentials_id
           and a.provider_account_id = e.provider_account_id and a.tenant_id = ?)))`,
      [manyPeople, tenantId, tenantId],
    ),
  );
  for (const { id } of marked)
    await db.system(async (em) => {
      const [event] = await rows<{ body: string }>(
        em,
        'select body from webhook_events where id = ? and body is not null',
        [id],
      );
      const text = event && openOrNull(vault, event.body, sealed.webhookBody(id));
      if (!text) return;
      const ledger = await openLedger(em, vault);
      if (subjectsIn(text).some((one) => digests.has(ledger.digest(tenantId, one))))
        await dropBodies(em, erasureId, [{ id }]);
    });
}

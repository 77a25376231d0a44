import { setImmediate as yieldToEventLoop } from 'node:timers/promises';
import { firstId } from '../../platform/ids.ts';
import { rows } from '../../db/connect.ts';
import { openLedger } from '../../db/queries/erasures/ledger-key.ts';
import { tryOpen } from '../../platform/try-open.ts';
import { manyPeople } from '../../db/queries/webhooks/webhook-subjects.ts';
import { sealed } from '../../db/sealed.ts';
import { subjectsIn, type Subject } from '../../domain/erasure.ts';
import type { Context } from '../context.ts';
import { dropBodies } from './drop-bodies.ts';
import type { ErasingRef } from './remember-erased.ts';

/**
 * Bodies that speak of more people than are noted beside an event are opened, one after the other: the tenant's, and
 * those of nobody that name an upstream account of the tenant.
 */
export async function eraseLargeBodies(
  { db, vault }: Context,
  { tenantId, erasureId }: ErasingRef,
  digests: ReadonlySet<string>,
): Promise<void> {
  const { ledger, marked } = await db.system(async (em) => ({
    ledger: await openLedger(em, vault),
    marked: await rows<{ id: string }>(
      em,
      `select e.id from webhook_subjects s join webhook_events e on e.id = s.event_id
       where s.digest = ? and e.id > ? and (s.tenant_id = ? or (s.tenant_id is null and exists (
         select from accounts a where a.credentials_id = e.credentials_id
           and a.provider_account_id = e.provider_account_id and a.tenant_id = ?)))
       order by e.id`,
      [manyPeople, firstId, tenantId, tenantId],
    ),
  }));
  const keys = await vault.keysOf(db, tenantId);
  for (const { id } of marked) {
    const [event] = await db.system((em) =>
      rows<{ body: string }>(em, 'select body from webhook_events where id = ? and body is not null', [id]),
    );
    const text = event && tryOpen(keys, event.body, sealed.webhookBody(id));
    if (text && (await someone(subjectsIn(text), (one) => digests.has(ledger.digest(tenantId, one)))))
      await db.system((em) => dropBodies(em, erasureId, [{ id }]));
  }
}

/** Whether somebody of very many is wanted. Other activities are not kept waiting for the answer. */
async function someone(subjects: readonly Subject[], wanted: (one: Subject) => boolean): Promise<boolean> {
  for (const [n, one] of subjects.entries()) {
    if (n % 1_000 === 999) await yieldToEventLoop();
    if (wanted(one)) return true;
  }
  return false;
}

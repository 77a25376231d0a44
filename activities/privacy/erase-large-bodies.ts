import { setImmediate as breath } from 'node:timers/promises';
import { asyncLocalStorage } from '@temporalio/activity';
import { z } from 'zod';
import { firstId } from '../../platform/ids.ts';
import { rows } from '../../db/connect.ts';
import { openLedger } from '../../db/privacy/ledger-key.ts';
import { openOrNull } from '../../db/privacy/open-or-null.ts';
import { manyPeople } from '../../db/privacy/webhook-subjects.ts';
import { sealed } from '../../db/sealed.ts';
import { subjectsIn, type Subject } from '../../domain/privacy.ts';
import type { Deps } from '../deps.ts';
import { note } from '../heartbeat.ts';
import { dropBodies } from './drop-bodies.ts';
import type { ErasingRef } from './remember-erased.ts';

/** What a try leaves to the next one: the last body that it opened, and by how many digests it looked. */
const noted = z.object({ opened: z.uuid(), digests: z.int() });

/**
 * Bodies that speak of more people than are noted beside an event are opened, one after the other: the tenant's, and
 * those of nobody that name an upstream account of the tenant. An activity's next try goes on where the last one was,
 * unless a name of the person became known meanwhile.
 */
export async function eraseLargeBodies(
  { db, vault }: Deps,
  { tenantId, erasureId }: ErasingRef,
  digests: ReadonlySet<string>,
): Promise<void> {
  // The CLI erases outside of activities.
  const context = asyncLocalStorage.getStore();
  const { data: before } = noted.safeParse(context?.info.heartbeatDetails);
  const { ledger, marked } = await db.system(async (em) => ({
    ledger: await openLedger(em, vault),
    marked: await rows<{ id: string }>(
      em,
      `select e.id from webhook_subjects s join webhook_events e on e.id = s.event_id
       where s.digest = ? and e.id > ? and (s.tenant_id = ? or (s.tenant_id is null and exists (
         select from accounts a where a.credentials_id = e.credentials_id
           and a.provider_account_id = e.provider_account_id and a.tenant_id = ?)))
       order by e.id`,
      [manyPeople, before?.digests === digests.size ? before.opened : firstId, tenantId, tenantId],
    ),
  }));
  for (const { id } of marked) {
    const [event] = await db.system((em) =>
      rows<{ body: string }>(em, 'select body from webhook_events where id = ? and body is not null', [id]),
    );
    const text = event && openOrNull(vault, event.body, sealed.webhookBody(id));
    if (text && (await someone(subjectsIn(text), (one) => digests.has(ledger.digest(tenantId, one)))))
      await db.system((em) => dropBodies(em, erasureId, [{ id }]));
    if (context) note(context, { opened: id, digests: digests.size } satisfies z.input<typeof noted>);
  }
}

/** Whether somebody of very many is wanted. Other activities are not kept waiting for the answer. */
async function someone(subjects: readonly Subject[], wanted: (one: Subject) => boolean): Promise<boolean> {
  for (const [n, one] of subjects.entries()) {
    if (n % 1_000 === 999) await breath();
    if (wanted(one)) return true;
  }
  return false;
}

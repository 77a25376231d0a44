import { setImmediate as yieldToEventLoop } from 'node:timers/promises';
import type { Subject } from '../../../domain/erasure.ts';
import type { Vault } from '../../vault.ts';
import { arrayOf, rows, type Em } from '../../connect.ts';
import { hasErased } from '../erasures/ledger.ts';
import { openLedger } from '../erasures/ledger-key.ts';

/** What is said at an event whose body is gone because of somebody in it. */
export const erasedNote = 'Its body was not kept: it speaks of somebody who was erased.';

/** People who are noted one by one beside an event. */
const most = 5_000;
/** Stands beside an event that speaks of more: an erasure opens its body. No digest looks like it. */
export const manyPeople = 'many';

/** What became of an event that was stored in this transaction. */
export interface Settled {
  id: string;
  tenantId: string | null;
  accountId: string | null;
  state: string;
  processedAt: Date | null;
  owesSignal: boolean;
  error: string | null;
}

/**
 * Ends the storing of an event in one statement: whose it is, what became of it, and the digests of everybody in its
 * body (`manyPeople` for more than are noted). A body that speaks of an erased person is dropped at once. The event was
 * written before in the same transaction: an erasure waits for transactions that wrote before its ledger was there.
 */
export async function settleEvent(em: Em, vault: Vault, event: Settled, subjects: readonly Subject[]): Promise<void> {
  const { id, tenantId, accountId, state, processedAt, owesSignal, error } = event;
  if (!subjects.length) {
    await rows(
      em,
      `update webhook_events set tenant_id = ?, account_id = ?, state = ?, processed_at = ?, owes_signal = ?, error = ?
       where id = ?`,
      [tenantId, accountId, state, processedAt, owesSignal, error, id],
    );
    return;
  }
  const { asked, noted } = await digestsFor(em, vault, tenantId, subjects);
  await rows(
    em,
    `with erased as (select exists (
         select from erased_subjects where tenant_id = ?::uuid and digest = any(?::text[])) as yes),
       kept as (insert into webhook_subjects (event_id, tenant_id, digest)
         select ?::uuid, ?::uuid, d from erased, unnest(?::text[]) d where not erased.yes)
     update webhook_events e set tenant_id = ?, account_id = ?, processed_at = ?, owes_signal = ?,
       body = case when erased.yes then null else e.body end,
       state = case when erased.yes and ? = 'failed' then 'processed' else ? end,
       error = case when erased.yes then ? else ? end
     from erased where e.id = ?`,
    [
      // Who was erased, and who is noted.
      tenantId,
      arrayOf(asked),
      id,
      tenantId,
      arrayOf(noted),
      // The event itself.
      tenantId,
      accountId,
      processedAt,
      owesSignal,
      state,
      state,
      erasedNote,
      error,
      id,
    ],
  );
}

/**
 * Writes anew who is in the body of an event whose tenant is known only now. Answers whether somebody of them was
 * erased: the body must go then.
 */
export async function resettleSubjects(
  em: Em,
  vault: Vault,
  event: { id: string; tenantId: string | null },
  subjects: readonly Subject[],
): Promise<boolean> {
  await rows(em, 'delete from webhook_subjects where event_id = ?', [event.id]);
  if (!subjects.length) return false;
  const { asked, noted } = await digestsFor(em, vault, event.tenantId, subjects);
  const [erased] = await rows(
    em,
    'select 1 from erased_subjects where tenant_id = ?::uuid and digest = any(?::text[]) limit 1',
    [event.tenantId, arrayOf(asked)],
  );
  if (erased) return true;
  await rows(
    em,
    'insert into webhook_subjects (event_id, tenant_id, digest) select ?::uuid, ?::uuid, d from unnest(?::text[]) d',
    [event.id, event.tenantId, arrayOf(noted)],
  );
  return false;
}

/** The digests to look up in the ledger, and those that are kept beside the event. */
async function digestsFor(
  em: Em,
  vault: Vault,
  tenantId: string | null,
  subjects: readonly Subject[],
): Promise<{ asked: string[]; noted: string[] }> {
  const many = subjects.length > most;
  if (many && (tenantId === null || !(await hasErased(em, tenantId)))) return { asked: [], noted: [manyPeople] };
  const ledger = await openLedger(em, vault);
  const digests = new Set<string>();
  for (const [n, one] of subjects.entries()) {
    // A body may speak of very many: other requests are not kept waiting for them.
    if (n % 1_000 === 999) await yieldToEventLoop();
    digests.add(ledger.digest(tenantId, one));
  }
  return { asked: [...digests], noted: many ? [manyPeople] : [...digests] };
}

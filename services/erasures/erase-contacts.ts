import { firstId } from '../../platform/ids.ts';
import { lockContacts } from '../../db/queries/contacts/lock-contacts.ts';
import { arrayOf, rows, type Em } from '../../db/connect.ts';
import { addCounts, runningErasure, setTarget } from '../../db/queries/erasures/erasures.ts';
import { findPerson } from '../../db/queries/erasures/find-person.ts';
import { addToLedger } from '../../db/queries/erasures/ledger.ts';
import { openLedger } from '../../db/queries/erasures/ledger-key.ts';
import { tracesOf } from '../../domain/erasure.ts';
import { timeOf, type Context } from '../context.ts';
import type { ErasingRef } from './remember-erased.ts';

/** Accounts that are read at once. */
const pageSize = 200;

/**
 * Takes the person out of every address book of the tenant, an account at a time under its lock: whoever was writing
 * into it when the ledger was written is waited for. Once more where an account told a name that was not known before.
 */
export async function eraseContacts(context: Context, ref: ErasingRef): Promise<void> {
  let grew: boolean;
  do {
    grew = false;
    for (let after: string | null = firstId; after !== null;) {
      const page: { id: string }[] = await context.db.tenant(ref.tenantId, (em) =>
        rows(em, 'select id from accounts where id > ? order by id limit ?', [after, pageSize]),
      );
      for (const { id } of page) if (await eraseInAccount(context, ref, id)) grew = true;
      after = page.length === pageSize ? (page.at(-1)?.id ?? null) : null;
    }
  } while (grew);
}

/** Answers whether the account knew the person by a name that was new. */
function eraseInAccount(context: Context, ref: ErasingRef, accountId: string): Promise<boolean> {
  const { tenantId, erasureId } = ref;
  return context.db.tenant(tenantId, async (em) => {
    await lockContacts(em, accountId);
    const before = await runningErasure(em, context.vault, erasureId, true);
    if (!before) return false;
    const { person } = before;
    const found = await findPerson(em, person, accountId);
    const grew = found.subjects.length > person.subjects.length;
    if (grew || found.contactIds.length > person.contactIds.length) {
      const ledger = await openLedger(em, context.vault);
      const digests = found.subjects.map((one) => ledger.digest(tenantId, one));
      await addToLedger(em, { id: erasureId, tenantId }, digests, timeOf(context, ref));
      await setTarget(em, context.vault, ref, found);
    }
    const gone = await deleteContacts(em, accountId, found.contactIds);
    const traces = JSON.stringify(tracesOf(found.subjects));
    const entries = await rows(
      em,
      `update account_events set data = '{"erased": true}' where account_id = ? and exists (
         select from jsonb_array_elements_text(?::jsonb) t where position(t in data::text) > 0) returning id`,
      [accountId, traces],
    );
    await addCounts(em, erasureId, { ...gone, timeline_entries: entries.length });
    return grew;
  });
}

async function deleteContacts(em: Em, accountId: string, ids: readonly string[]) {
  if (!ids.length) return {};
  const those = arrayOf(ids);
  const aliases = await rows(
    em,
    'delete from contact_aliases where account_id = ? and contact_id = any(?::uuid[]) returning kind',
    [accountId, those],
  );
  const contacts = await rows<{ raw: boolean }>(
    em,
    `delete from contacts where account_id = ? and id = any(?::uuid[])
     returning raw_wasender_data is not null as raw`,
    [accountId, those],
  );
  return {
    contacts: contacts.length,
    aliases: aliases.length,
    raw_records: contacts.filter(({ raw }) => raw).length,
  };
}

import { firstId } from '../../platform/ids.ts';
import { lockContacts } from '../../db/contacts/lock.ts';
import { arrayOf, rows, type Em } from '../../db/connect.ts';
import { addCounts, runningErasure, setTarget } from '../../db/privacy/erasures.ts';
import { findPerson } from '../../db/privacy/find-person.ts';
import { addToLedger } from '../../db/privacy/ledger.ts';
import { openLedger } from '../../db/privacy/ledger-key.ts';
import { tracesOf } from '../../domain/privacy.ts';
import { timeOf, type Deps } from '../deps.ts';
import type { ErasingRef } from './remember-erased.ts';

/** Accounts that are read at once. */
const pageSize = 200;

/**
 * Takes the person out of every address book of the tenant, an account at a time under its lock: whoever was writing
 * into it when the ledger was written is waited for. Once more where an account told a name that was not known before.
 */
export const eraseContacts =
  (deps: Deps) =>
  async (ref: ErasingRef): Promise<void> => {
    let grew: boolean;
    do {
      grew = false;
      for (let after: string | null = firstId; after !== null;) {
        const page: { id: string }[] = await deps.db.tenant(ref.tenantId, (em) =>
          rows(em, 'select id from accounts where id > ? order by id limit ?', [after, pageSize]),
        );
        for (const { id } of page) if (await eraseInAccount(deps, ref, id)) grew = true;
        after = page.length === pageSize ? (page.at(-1)?.id ?? null) : null;
      }
    } while (grew);
  };

/** Answers whether the account knew the person by a name that was new. */
function eraseInAccount(deps: Deps, ref: ErasingRef, accountId: string): Promise<boolean> {
  const { tenantId, erasureId } = ref;
  return deps.db.tenant(tenantId, async (em) => {
    await lockContacts(em, accountId);
    const before = await runningErasure(em, deps.vault, erasureId, true);
    if (!before) return false;
    const { person } = before;
    const found = await findPerson(em, person, accountId);
    const grew = found.subjects.length > person.subjects.length;
    if (grew || found.contactIds.length > person.contactIds.length) {
      const ledger = await openLedger(em, deps.vault);
      const digests = found.subjects.map((one) => ledger.digest(tenantId, one));
      await addToLedger(em, { id: erasureId, tenantId }, digests, timeOf(deps, ref));
      await setTarget(em, deps.vault, erasureId, found);
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

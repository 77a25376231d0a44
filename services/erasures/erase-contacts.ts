import { firstId } from '../../platform/ids.ts';
import { lockContacts } from '../../db/queries/contacts/lock-contacts.ts';
import { accountsAfter, deleteContacts, redactTimeline } from '../../db/queries/erasures/account-records.ts';
import { deleteMessagesOf } from '../../db/queries/erasures/delete-messages.ts';
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
 * Takes the person out of every address book and conversation of the tenant, an account at a time under its lock, so that a sync
 * which writes there ends first. Repeats where an account holds an alias of the person that was not known before.
 * Returns how many accounts it went through, repeats included.
 */
export async function eraseContacts(context: Context, ref: ErasingRef): Promise<{ accounts: number }> {
  let accounts = 0;
  let grew: boolean;
  do {
    grew = false;
    for (let after: string | null = firstId; after !== null;) {
      const page: string[] = await context.db.tenant(ref.tenantId, (em) =>
        accountsAfter(em, after ?? firstId, pageSize),
      );
      for (const id of page) if (await eraseInAccount(context, ref, id)) grew = true;
      accounts += page.length;
      after = page.length === pageSize ? (page.at(-1) ?? null) : null;
    }
  } while (grew);
  return { accounts };
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
    const said = await deleteMessagesOf(em, accountId, found.subjects);
    const entries = await redactTimeline(em, accountId, tracesOf(found.subjects));
    await addCounts(em, erasureId, { ...gone, ...said, timeline_entries: entries });
    return grew;
  });
}

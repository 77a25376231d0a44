import type { Em } from '../../db/connect.ts';
import type { SavedPerson, Saving } from '../../db/queries/contacts/contact-page.ts';
import { saveContacts } from '../../db/queries/contacts/save-contacts.ts';
import { isReadAfterLogin } from '../../db/queries/contacts/read-after-login.ts';
import { contactFieldPolicy } from '../../db/queries/contacts/contact-field-policy.ts';
import { filterErased } from '../../db/queries/erasures/filter-erased.ts';
import type { SeenContact } from '../../domain/contacts.ts';
import { timeOf, type Context } from '../context.ts';
import { byHalves } from '../syncs/by-halves.ts';
import { Fenced, writePage, type Held, type HeldRef } from '../syncs/held-run.ts';
import type { ContactBatch } from './read-contacts.ts';
import type { ContactSyncStats } from './contact-sync-stats.ts';

/**
 * Writes a page's people and, in the same transaction, how far the run has come by `advance`. Nothing of the page is kept
 * when that says that another worker has the run now, or when the login is not the account's any more: `Fenced`. `readAt`:
 * not later than the page was asked for.
 */
export const savePage = (
  context: Context,
  ref: HeldRef,
  held: Pick<Held, 'login'>,
  counted: ContactSyncStats,
  page: ContactBatch,
  readAt: Date,
  advance: (em: Em, stats: object, seen: Buffer) => Promise<boolean>,
): Promise<void> =>
  writePage(context, ref, held, async (em) => {
    const { tenantId, accountId } = ref;
    const { entries, erased } = await filterErased(em, context.vault, tenantId, page.contacts, timeOf(context, ref));
    const keep = await contactFieldPolicy(em, tenantId);
    const isAfterLogin = await isReadAfterLogin(em, accountId);
    const saving = { tenantId, accountId, at: timeOf(context, ref), vault: context.vault, keep, isAfterLogin, readAt };
    const { people, failed } = await saveAll(context, em, saving, entries);
    const counts = { delivered: page.delivered, skipped: page.delivered - page.contacts.length, failed, erased };
    const seen = counted.add(people, counts);
    if (!(await advance(em, counted.stats, seen))) throw new Fenced('taken');
  });

/** Writes entries; one that cannot be stored is left out and counted. */
async function saveAll(
  context: Context,
  em: Em,
  of: Saving,
  entries: readonly SeenContact[],
): Promise<{ people: SavedPerson[]; failed: number }> {
  let failed = 0;
  const people = await byHalves(
    em,
    entries,
    (inner, some) => saveContacts(inner, of, some),
    (error) => {
      failed += 1;
      context.log.warn({ account: of.accountId, err: error }, 'an entry of the address book cannot be stored');
    },
  );
  return { people: people.flat(), failed };
}

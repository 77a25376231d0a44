import type { Em } from '../../db/connect.ts';
import { hasLogin } from '../../db/queries/accounts/lock-accounts.ts';
import { lockContacts } from '../../db/queries/contacts/lock-contacts.ts';
import type { SavedPerson, Saving } from '../../db/queries/contacts/contact-page.ts';
import { saveContacts } from '../../db/queries/contacts/save-contacts.ts';
import type { RunOf } from '../../db/queries/syncs/contacts-run.ts';
import { isReadAfterLogin } from '../../db/queries/contacts/read-after-login.ts';
import { contactFieldPolicy } from '../../db/queries/contacts/contact-field-policy.ts';
import { filterErased } from '../../db/queries/erasures/filter-erased.ts';
import type { SeenContact } from '../../domain/contacts.ts';
import { timeOf, type Context } from '../context.ts';
import type { ContactBatch } from './read-contacts.ts';
import type { ContactSyncStats } from './contact-sync-stats.ts';

/** Why nothing of a page was kept: another worker has the run, or the account has another login than the one read. */
type Fence = 'taken' | 'other_login';

class Fenced extends Error {
  readonly by: Fence;

  constructor(by: Fence) {
    super(by);
    this.by = by;
  }
}

/**
 * Writes a page's people and, in the same transaction, how far the run has come by `advance`. Nothing of the page is kept
 * when that says that another worker has the run now, or when `login` is not the account's any more.
 */
export async function savePage(
  context: Context,
  ref: RunOf & { now: number },
  login: string,
  counted: ContactSyncStats,
  page: ContactBatch,
  advance: (em: Em, stats: object, seen: Buffer) => Promise<boolean>,
): Promise<'kept' | Fence> {
  const { tenantId, accountId } = ref;
  try {
    await context.db.tenant(tenantId, async (em) => {
      // The ledger is read under the lock: a concurrent erasure waits for this page, or this page sees it.
      await lockContacts(em, accountId);
      if (!(await hasLogin(em, accountId, login))) throw new Fenced('other_login');
      const { entries, erased } = await filterErased(em, context.vault, tenantId, page.contacts, timeOf(context, ref));
      const keep = await contactFieldPolicy(em, tenantId);
      const isAfterLogin = await isReadAfterLogin(em, accountId);
      const saving = { tenantId, accountId, at: timeOf(context, ref), vault: context.vault, keep, isAfterLogin };
      const { people, failed } = await saveAll(context, em, saving, entries);
      const counts = { delivered: page.delivered, skipped: page.delivered - page.contacts.length, failed, erased };
      const seen = counted.add(people, counts);
      if (!(await advance(em, counted.stats, seen))) throw new Fenced('taken');
    });
    return 'kept';
  } catch (error) {
    if (error instanceof Fenced) return error.by;
    throw error;
  }
}

/** Whether PostgreSQL could not take a value (SQLSTATE 22, 23, 54); other errors are not the entry's. */
function isOfEntry(error: unknown): boolean {
  const code = error instanceof Error ? (error as { code?: unknown }).code : null;
  return typeof code === 'string' && /^(22|23|54)/.test(code);
}

/** Writes entries together; where one cannot be stored, by halves until it is alone: it is left out and counted. */
async function saveAll(
  context: Context,
  em: Em,
  of: Saving,
  entries: readonly SeenContact[],
): Promise<{ people: SavedPerson[]; failed: number }> {
  try {
    return { people: await em.transactional((inner) => saveContacts(inner, of, entries)), failed: 0 };
  } catch (error) {
    if (!isOfEntry(error)) throw error;
    if (entries.length === 1) {
      context.log.warn({ account: of.accountId, err: error }, 'an entry of the address book cannot be stored');
      return { people: [], failed: 1 };
    }
    const middle = Math.ceil(entries.length / 2);
    const first = await saveAll(context, em, of, entries.slice(0, middle));
    const second = await saveAll(context, em, of, entries.slice(middle));
    return { people: [...first.people, ...second.people], failed: first.failed + second.failed };
  }
}

import { Conversation } from '../../db/entities/conversations.ts';
import { openRuns } from '../../db/queries/syncs/open-runs.ts';
import { newRun, type ContactTarget } from '../../db/queries/syncs/sync-target.ts';
import { isId } from '../../platform/ids.ts';
import type { Context } from '../context.ts';
import { Problem } from '../problem.ts';
import { startRuns, syncableAccounts } from '../syncs/start-syncs.ts';
import { bookFor } from './address-books.ts';

/**
 * Has the people of conversations fetched from address books of the tenant, by one run for each book: the partners of all
 * conversations of two, or everybody in those that are named. Joins runs of the same. Answers the runs' ids. Throws `not_found`
 * where a conversation is not the tenant's, and `account_not_connected` where named ones have no address book to be looked up in.
 */
export async function beginPeopleSyncs(
  context: Context,
  tenantId: string,
  conversations: readonly string[] | null,
): Promise<string[]> {
  const { db, vault, clock } = context;
  const keys = await vault.keysOf(db, tenantId);
  const { ids, runs } = await db.tenant(tenantId, async (em) => {
    const named = conversations && (await em.find(Conversation, { id: { $in: conversations.filter(isId) } }));
    if (named && named.length < conversations.length) throw new Problem('not_found', 'There is no such conversation.');
    const books = await syncableAccounts(context, em, tenantId, 'contacts', {});
    if (named && !books.length)
      throw new Problem('account_not_connected', 'No account with an address book is connected.');
    const byBook = Map.groupBy(named ?? [], ({ accountId }) => bookFor(accountId, books));
    const targetOf = (n: number): ContactTarget => ({ conversations: n === 0 ? 'own_and_others' : 'own' });
    const wanted = named
      ? [...byBook].flatMap(([account, of]) =>
          account ? [{ account, target: { conversation_ids: of.map(({ id }) => id) } }] : [],
        )
      : books.map((account, n) => ({ account, target: targetOf(n) }));
    const runs = wanted.map(({ account, target }) => ({ account, run: newRun(keys, account.id, target) }));
    const opening = runs.map(({ run }) => run);
    return { ids: await openRuns(em, 'contacts', opening, clock.now()), runs };
  });
  await startRuns(context, tenantId, 'contacts', runs);
  return ids;
}

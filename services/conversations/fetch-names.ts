import { newRun } from '../../db/queries/syncs/sync-target.ts';
import { openRuns } from '../../db/queries/syncs/open-runs.ts';
import { recentScopes } from '../../db/queries/syncs/recent-scopes.ts';
import type { Context } from '../context.ts';
import { Problem } from '../problem.ts';
import { startRuns, syncableAccounts } from '../syncs/start-syncs.ts';
import { bookFor } from './address-books.ts';
import type { ConversationDetails } from './describe-conversations.ts';
import type { Person } from './people.ts';

/** People that one request has fetched; the next request fetches others. */
const mostFetched = 5;
/** A person is not fetched again within this time, in milliseconds: readers ask often. */
const pauseMs = 3_600_000;

/**
 * Has people without a name fetched from an address book of the tenant, each by one sync, and does not wait for it. Where
 * no address book can be read, nothing happens.
 */
export async function fetchNames(
  context: Context,
  tenantId: string,
  conversations: readonly ConversationDetails[],
): Promise<void> {
  const people = conversations.flatMap(({ person }) => (person && lacksName(person) ? person : []));
  if (!people.length) return;
  const keys = await context.vault.keysOf(context.db, tenantId);
  const now = context.clock.now();
  const opened = await context.db.tenant(tenantId, async (em) => {
    const accounts = await syncableAccounts(context, em, tenantId, 'contacts', {}).catch(orNone);
    const wanted = people.flatMap((person) => {
      const account = bookFor(person.attendee.accountId, accounts);
      return account ? [{ account, run: newRun(keys, account.id, { phone: person.phone ?? '' }) }] : [];
    });
    const recent = await recentScopes(
      em,
      wanted.map(({ run }) => run),
      new Date(now.getTime() - pauseMs),
    );
    const due = wanted.filter(({ run }) => !recent.has(run.scope)).slice(0, mostFetched);
    await openRuns(
      em,
      'contacts',
      due.map(({ run }) => run),
      now,
    );
    return due;
  });
  await startRuns(context, tenantId, 'contacts', opened);
}

const lacksName = ({ phone, contact }: Person): boolean => phone !== null && !(contact?.verifiedName ?? contact?.name);

const orNone = (error: unknown): never[] => {
  if (error instanceof Problem) return [];
  throw error;
};

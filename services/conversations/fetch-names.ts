import type { Account } from '../../db/entities/accounts.ts';
import { newRun } from '../../db/queries/syncs/sync-target.ts';
import { openRuns } from '../../db/queries/syncs/open-runs.ts';
import { recentScopes } from '../../db/queries/syncs/recent-scopes.ts';
import { refOf } from '../accounts/find-account.ts';
import type { Context } from '../context.ts';
import { Problem } from '../problem.ts';
import { startSync } from '../signal.ts';
import { syncableAccounts } from '../syncs/start-syncs.ts';
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
      const account = accounts.length ? bookFor(person, accounts) : null;
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
  for (const { account, run } of opened)
    if (!(await startSync(context, refOf(account), { kind: 'contacts', scope: run.scope }, 'api'))) return;
}

const lacksName = ({ phone, contact }: Person): boolean => phone !== null && !(contact?.verifiedName ?? contact?.name);

/** The account's own address book, else another one of the tenant. */
const bookFor = ({ attendee }: Person, accounts: readonly Account[]): Account | undefined =>
  accounts.find(({ id }) => id === attendee.accountId) ?? accounts[0];

const orNone = (error: unknown): never[] => {
  if (error instanceof Problem) return [];
  throw error;
};

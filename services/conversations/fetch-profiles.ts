import { Account } from '../../db/entities/accounts.ts';
import {
  claimProfiles,
  returnProfiles,
  saveProfile,
  type DueProfile,
} from '../../db/queries/conversations/profiles.ts';
import { isWorking } from '../../domain/accounts.ts';
import { failureRow, ProviderFailure } from '../../domain/failures.ts';
import { connectionTo } from '../connections/login/attempt-tx.ts';
import type { Context } from '../context.ts';

/** People that are taken at once. */
const most = 40;
const accountsAtOnce = 4;
const longestMs = 30_000;

/**
 * Looks people up who wrote without a name. Answers how many were asked for; those whose provider cannot be asked now are
 * left for later. The failure of one account stops no other.
 */
export async function fetchProfiles(context: Context): Promise<number> {
  const due = await context.db.system((em) => claimProfiles(em, most));
  const accounts = [...Map.groupBy(due, ({ accountId }) => accountId).values()];
  const turns = accounts.values();
  let asked = 0;
  const work = async (): Promise<void> => {
    for (const people of turns) {
      const left = await fetchOfAccount(context, people);
      asked += people.length - left.length;
      await context.db.system((em) =>
        returnProfiles(
          em,
          left.map(({ id }) => id),
        ),
      );
    }
  };
  await Promise.all(Array.from({ length: accountsAtOnce }, work));
  return asked;
}

/** Answers the people that are to be asked for again. */
async function fetchOfAccount(context: Context, people: readonly DueProfile[]): Promise<readonly DueProfile[]> {
  const [{ accountId, tenantId } = { accountId: '', tenantId: '' }] = people;
  const at = context.clock.now();
  let done = 0;
  try {
    const connection = await context.db.tenant(tenantId, async (em) => {
      const account = await em.findOne(Account, { id: accountId });
      // Once it is connected again its conversations are read, with the names of their people.
      return account && isWorking(account)
        ? connectionTo(context, em, account, at, account.providerAccountId, 'backfill')
        : null;
    });
    const signal = AbortSignal.any([context.stopping, AbortSignal.timeout(longestMs)]);
    for (const { id, keys } of people) {
      const told = await connection?.provider.conversations?.profile?.({ ...connection.call, signal }, keys);
      if (told) await context.db.tenant(tenantId, (em) => saveProfile(em, id, told, at));
      done += 1;
    }
    return [];
  } catch (error) {
    context.log.info({ account: accountId, tenant: tenantId, err: error }, 'the names of people could not be fetched');
    const { action } = failureRow(error instanceof ProviderFailure ? error.code : 'unexpected');
    const passes = action === 'retry' || action === 'wait';
    return people.slice(passes ? done : done + 1);
  }
}

import type { Em } from '../../db/connect.ts';
import type { Account } from '../../db/entities/accounts.ts';
import { lockAccountOfLogin } from '../../db/queries/accounts/lock-accounts.ts';
import { addTimelineEvent } from '../../db/queries/accounts/timeline.ts';
import { openAttempts } from '../../db/queries/attempts/open-attempts.ts';
import { faultsOf, type DetailsFault } from '../../domain/account-integrity.ts';
import type { AccountDetails, DetailChange } from '../../domain/accounts.ts';
import type { FailureCode } from '../../domain/failures.ts';
import type { AccountView, Provider, ProviderCall } from '../../providers/provider.ts';
import type { Context } from '../context.ts';
import { followCheck, isDifferentIdentity } from './follow-check.ts';
import { saveDetails } from './save-details.ts';

/** What a provider says of an account; `details` is null for one that it does not know. */
export interface AskedDetails {
  view: AccountView;
  details: AccountDetails | null;
}

/** Asks a provider for the state and the details of an account. */
export async function askDetails(provider: Provider, call: ProviderCall): Promise<AskedDetails> {
  const view = await provider.login.check(call);
  return { view, details: view.status === 'not_found' ? null : await provider.account.details(call, view) };
}

/**
 * Stores what a provider said of an account, which the caller has locked: its state, when it is checked next, and its details.
 * Answers what changed, or why there are no details.
 */
export async function keepDetails(
  { vault }: Pick<Context, 'vault'>,
  em: Em,
  account: Account,
  { view, details }: AskedDetails,
  at: Date,
): Promise<DetailChange[] | Extract<FailureCode, 'another_identity' | 'account_gone'>> {
  const isDifferent = isDifferentIdentity(account, view);
  followCheck(em, account, view, at);
  // A restart is the next check's to try.
  if (view.status === 'needs_restart') account.checkRequestedAt ??= at;
  if (!details || isDifferent) return isDifferent ? 'another_identity' : 'account_gone';
  return saveDetails(vault, em, account, view, details, at);
}

/**
 * Collects the details of an account that is connected, and says what is wrong with those that are stored then; null where
 * the account has another login by now, or an attempt decides its state. `known`: what was found wrong before, which is
 * not told once more.
 */
export async function refreshDetails(
  context: Context,
  { tenantId, accountId }: { tenantId: string; accountId: string },
  provider: Provider,
  call: ProviderCall,
  known: readonly DetailsFault[],
): Promise<DetailsFault[] | null> {
  const asked = await askDetails(provider, call);
  return context.db.tenant(tenantId, async (em) => {
    const at = new Date(call.now);
    const account = await lockAccountOfLogin(em, accountId, call.providerAccountId ?? '');
    if (!account || (await openAttempts(em, accountId)).length) return null;
    await keepDetails(context, em, account, asked, at);
    const { identity, connectionConfig, providerConfig, detailsAt } = account;
    const stored = { identity, connectionConfig, providerConfig, detailsAt: detailsAt?.getTime() ?? null };
    const faults = faultsOf(stored, at.getTime());
    if (faults.length && !known.length)
      addTimelineEvent(em, account, at, 'details_faulty', `Account details are not right: ${faults.join(', ')}.`, {
        data: { faults },
      });
    return faults;
  });
}

import { addTimelineEvent } from '../../../db/queries/accounts/timeline.ts';
import { knownLogins } from '../../../db/queries/accounts/known-logins.ts';
import { type AttemptRef, clockSkewMs } from '../../../domain/attempts.ts';
import type { LoginInput, Provider, ProviderCall } from '../../../providers/provider.ts';
import type { Context } from '../../context.ts';
import { connectionTo, isUnclear, loginInput, withAttempt } from './attempt-tx.ts';

/** A login at the provider that an attempt may have made; `proven` when nothing else can have made it. */
interface UnconfirmedLogin {
  providerAccountId: string;
  proven: boolean;
}

/** Logins that may have been made since `since` (epoch milliseconds) and that neither an account nor an attempt records. */
export async function findUnknownLogins(
  context: Context,
  provider: Provider,
  call: ProviderCall,
  input: LoginInput,
  since: number,
): Promise<UnconfirmedLogin[]> {
  const found = await provider.login.findUnconfirmedLogins(call, input, since - clockSkewMs);
  if (!found.length) return [];
  const ids = found.map(({ providerAccountId }) => providerAccountId);
  const known = await context.db.system((em) => knownLogins(em, ids));
  return found.filter(({ providerAccountId }) => !known.has(providerAccountId));
}

/**
 * An attempt ended while it was unclear what it had made: the answer of its beginning was lost, or its login page never
 * called back. What nobody knows and is younger than its intent is named to the operator, who can import or delete it;
 * nothing is deleted here that no attempt has written down.
 */
export async function reportOrphanedAccounts(context: Context, ref: AttemptRef): Promise<void> {
  const start = await withAttempt(context, ref, async (held) => {
    const { em, account, attempt, at } = held;
    if (attempt.state === 'running' || !isUnclear(attempt)) return null;
    const connection = await connectionTo(context, em, account, at, null);
    return { ...connection, input: loginInput(context, held), since: attempt.startedAt.getTime() };
  });
  if (!start) return;
  const { provider, call, input, since } = start;
  const found = await findUnknownLogins(context, provider, call, input, since);
  await withAttempt(context, ref, ({ em, account, attempt, at }) => {
    attempt.intentAt = null;
    attempt.input = null;
    if (found.length)
      addTimelineEvent(
        em,
        account,
        at,
        'suspected_orphan',
        'The provider has accounts that this attempt may have made.',
        {
          attempt: attempt.number,
          data: { provider_account_ids: found.map((one) => one.providerAccountId) },
        },
      );
  });
}

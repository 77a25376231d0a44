import { forgetAccountKeys } from '../../../db/queries/accounts/account-keys.ts';
import { ProviderFailure } from '../../../domain/failures.ts';
import type { AttemptRef } from '../../../domain/attempts.ts';
import type { LoginInput, LoginProgress, Provider, ProviderCall } from '../../../providers/provider.ts';
import type { Context } from '../../context.ts';
import { withAttempt } from './attempt-tx.ts';

/**
 * Asks the provider to begin, on the upstream account that is known, else anew. What surely had no effect forgets the
 * intent; an upstream account that is gone is made anew.
 */
export async function startProviderLogin(
  context: Context,
  ref: AttemptRef,
  provider: Provider,
  input: LoginInput,
  call: ProviderCall,
): Promise<LoginProgress> {
  const upstream = await withAttempt(
    context,
    ref,
    ({ attempt }) => attempt.providerAccountId ?? call.providerAccountId,
  );
  try {
    return await provider.login.begin({ ...call, providerAccountId: upstream }, input);
  } catch (error) {
    if (!(error instanceof ProviderFailure)) throw error;
    if (upstream && (error.code === 'not_found' || error.code === 'account_gone')) {
      await withAttempt(context, ref, (held) => {
        held.attempt.intentAt = held.at;
        held.attempt.providerAccountId = null;
        held.attempt.undo = held.attempt.undo.filter((id) => id !== upstream);
        if (held.account.providerAccountId !== upstream) return;
        held.account.providerAccountId = null;
        forgetAccountKeys(held.account);
      });
      return startProviderLogin(context, ref, provider, input, { ...call, providerAccountId: null });
    }
    if (error.effect === 'none')
      await withAttempt(context, ref, ({ attempt }) => {
        attempt.intentAt = null;
      });
    throw error;
  }
}

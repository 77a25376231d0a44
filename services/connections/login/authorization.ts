import { sealed } from '../../../db/sealed.ts';
import { oauthStartAddress } from '../../../domain/addresses.ts';
import type { StepContent } from '../../../domain/steps.ts';
import type { Keyset } from '../../../platform/keyset.ts';
import type { OAuth, OAuthLogin, Provider, ProviderCall } from '../../../providers/provider.ts';
import type { Context } from '../../context.ts';
import { hashToken } from '../new-attempt.ts';
import { newState, stateToken } from '../oauth-state.ts';
import { loginInput, type AttemptTx } from './attempt-tx.ts';

/** The step of an authorization page, from which the owner comes back with a code; `keys` are the tenant's. */
export const authorizationContent = (
  keys: Keyset,
  oauth: OAuth,
  call: ProviderCall,
  login: OAuthLogin,
): Extract<StepContent, { kind: 'redirect' }> => {
  const { redirectUri, state } = login.oauth;
  const url = oauthStartAddress(redirectUri, state, stateToken(keys, state, 'start'));
  return { kind: 'redirect', url, page: oauth.authorizationUrl(call, login) };
};

/** What a step asks for once more. An authorization page gets another state: the one before was used. */
export function askedOnceMore(
  context: Pick<Context, 'publicUrl'>,
  tx: AttemptTx,
  connection: { provider: Provider; call: ProviderCall },
  content: StepContent,
): StepContent {
  const { attempt, keys } = tx;
  const { oauth } = connection.provider;
  if (content.kind !== 'redirect' || attempt.method !== 'oauth' || !attempt.callbackToken || !oauth) return content;
  const state = newState();
  attempt.callbackToken = keys.seal(state, sealed.callbackToken(attempt.id));
  attempt.callbackHash = hashToken(state);
  const input = loginInput(context, tx, connection);
  return input.oauth ? authorizationContent(keys, oauth, connection.call, { ...input, oauth: input.oauth }) : content;
}

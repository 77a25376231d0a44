import type { WebhookSender } from '../../db/queries/webhooks/secrets.ts';
import type { UserRequestKind } from '../../domain/user-requests.ts';
import type { UserRequest } from '../../providers/contract/callbacks.ts';
import type { Provider, WebhookRequest } from '../../providers/provider.ts';
import type { Context } from '../context.ts';
import { Problem } from '../problem.ts';
import { signersAt } from '../webhooks/find-sender.ts';

/** What a group may be long, in characters: longer ones fit no index. */
const longest = 255;

/** The credentials of an address, before the body is there. Throws `not_found` for an unknown address. */
export type UserRequestReader = (request: WebhookRequest, asked: UserRequestKind) => SignedRequest;

/** A request about a user with the credentials that it came to. */
export interface SignedRequest {
  sender: WebhookSender;
  request: UserRequest;
}

/**
 * Looks up whose callback address it is: with `token` null the installation's. The answer reads a request that came to it, and
 * throws `unauthorized` where the provider did not sign it.
 */
export async function userRequestReader(
  context: Context,
  provider: Provider,
  token: string | null,
): Promise<UserRequestReader> {
  const { callbacks } = provider;
  if (!callbacks) throw new Problem('not_found', 'There is no such address.');
  const { sender, secrets } = await signersAt(context, { provider: provider.name, token }, callbacks.settings);
  return (given, asked) => {
    const request = tryRead(() =>
      callbacks.read(
        given,
        secrets.filter((secret) => secret !== ''),
        asked,
      ),
    );
    if (!request || request.kind !== asked || !isStorable(request.group))
      throw new Problem('unauthorized', 'The request is not signed by the provider.', {
        fix: 'Sign it with the secret of the app whose callback address this is.',
      });
    return { sender, request };
  };
}

/** A body that its reader cannot read is none of the provider's. */
function tryRead(read: () => UserRequest | null): UserRequest | null {
  try {
    return read();
  } catch {
    return null;
  }
}

const isStorable = (group: string): boolean => group !== '' && group.length <= longest && !group.includes('\0');

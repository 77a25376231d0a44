import { noteLost } from '../../db/queries/accounts/told-lost.ts';
import type { Provider } from '../../providers/provider.ts';
import type { Context } from '../context.ts';
import { bodyOfUserRequest } from '../webhooks/callback-body.ts';
import type { ReceiveRequest } from '../webhooks/receive.ts';
import type { StoredEvent } from '../webhooks/store-requests.ts';
import { deleteUser } from './delete-user.ts';
import type { SignedRequest } from './read-user-request.ts';

/** What a request began: events whose accounts must be signalled, and of a deletion the code that shows it. */
export interface ReceivedUserRequest {
  stored: StoredEvent[];
  code: string | null;
}

/**
 * Carries out what a provider asks in the name of one of its users, and logs it as a webhook event. All is committed when it
 * answers, and a repeat after a failure begins nothing twice. Accounts whose login ended are checked at once; where the check
 * cannot be made, the signed request is proof enough.
 */
export async function receiveUserRequest(
  context: Context,
  receive: ReceiveRequest,
  provider: Provider,
  signed: SignedRequest,
): Promise<ReceivedUserRequest> {
  const { sender, request } = signed;
  const { db, clock } = context;
  const isDeletion = request.kind === 'deletion_requested';
  const code = isDeletion ? await deleteUser(context, signed) : null;
  if (!isDeletion) await db.system((em) => noteLost(em, sender.credentialsId, request.group, clock.now()));
  const stored = await receive(provider, sender, { raw: bodyOfUserRequest(request), headers: {} });
  return { stored, code };
}

import type { ListedAccount, LoginInput, ProviderCall } from '../provider.ts';
import { toE164 } from '../../domain/phone.ts';
import { phoneFor, sessionName } from './login-input.ts';
import { listByOwnKey } from './own-key.ts';
import { listSessions, madeAt } from './session.ts';
import { soleSessionKey } from './settings.ts';
import { viewOf } from './view.ts';

/** Sessions made since then. Proven: one carries the login's reference in its name. */
export async function findUnconfirmedLogins(
  call: ProviderCall,
  input: LoginInput,
  since: number,
): Promise<{ providerAccountId: string; proven: boolean }[]> {
  if (soleSessionKey(call.settings)) return [];
  const phone = phoneFor(input);
  return (await listSessions(call)).flatMap((session) => {
    const proven = input.reference !== undefined && session.name === sessionName(input);
    const made = madeAt(session);
    const like = (made === null || made >= since) && phone !== null && toE164(session.phone) === phone;
    return proven || like ? [{ providerAccountId: session.id, proven }] : [];
  });
}

/** Everything that lives at WASender under this token, whoever made it. One that was never connected is unfinished. */
export async function listAccounts(call: ProviderCall): Promise<ListedAccount[]> {
  if (soleSessionKey(call.settings)) return listByOwnKey(call);
  return (await listSessions(call)).map((session) => {
    const { keys: _none, ...view } = viewOf(session);
    const status = session.status === 'disconnected' ? 'pending' : view.status;
    return {
      providerAccountId: session.id,
      channel: 'whatsapp',
      name: session.name ?? session.phone,
      view: { ...view, status, identity: toE164(session.phone) },
    };
  });
}

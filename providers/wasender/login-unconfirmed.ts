import { toE164 } from '../../domain/phone.ts';
import type { LoginInput, ProviderCall, UnconfirmedLogin } from '../provider.ts';
import { listSessions, madeAt } from './account-object.ts';
import { phoneFor, sessionName } from './login-input.ts';
import { soleSessionKey } from './settings.ts';

/** Sessions made since then. Proven: the session's name carries the login's reference. */
export async function findUnconfirmedLogins(
  call: ProviderCall,
  input: LoginInput,
  since: number,
): Promise<UnconfirmedLogin[]> {
  if (soleSessionKey(call.settings)) return [];
  const phone = phoneFor(input);
  return (await listSessions(call)).flatMap((session) => {
    const proven = input.reference !== undefined && session.name === sessionName(input);
    const made = madeAt(session);
    const like = (made === null || made >= since) && phone !== null && toE164(session.phone) === phone;
    return proven || like ? [{ providerAccountId: session.id, proven }] : [];
  });
}

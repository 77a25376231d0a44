import { toE164 } from '../../domain/phone.ts';
import type { CredentialsCall, ListedAccount } from '../provider.ts';
import { listSessions } from './account-object.ts';
import { fetchStatus, viewOf } from './account-view.ts';
import { listByOwnKey } from './login-own-key.ts';
import { soleSessionKey } from './settings.ts';

/** GET /whatsapp-sessions; with a session's key alone GET /status. */
export async function checkCredentials(call: CredentialsCall): Promise<void> {
  await (soleSessionKey(call.settings) ? fetchStatus(call) : listSessions(call));
}

/** Every session at WASender under this token, whatever made it. One that was never connected is unfinished. */
export async function listAccounts(call: CredentialsCall): Promise<ListedAccount[]> {
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

import { toE164 } from '../../domain/phone.ts';
import { ProviderFailure } from '../../domain/failures.ts';
import type { AccountView, ProviderCall } from '../provider.ts';
import { asObject, text, type Json } from './fields.ts';
import { askSession, dataOf, type SessionCall } from './client.ts';
import { phoneOf } from './ids.ts';
import { madeAt, statusOf, word, type Session } from './account-object.ts';

/** What a session says of itself, before its phone is asked. */
export const viewOf = (session: Session, user: Json | null = null): AccountView => ({
  status: statusOf(session.status),
  reported: session.status,
  // The phone that scanned the code, which need not be the number that the session was made for.
  identity: user ? (phoneOf(text(user, 'id')) ?? toE164(session.phone)) : null,
  createdAt: madeAt(session),
  raw: user ? { ...session.raw, user } : session.raw,
  keys: session.keys,
  ...(session.status === 'need_scan' ? { codeWaits: true } : {}),
});

/**
 * A session and, where it is connected, its phone (GET /user). A session that says "connected" while its own key is
 * answered otherwise hangs: a restart may help.
 */
export async function viewWithUser(call: ProviderCall, session: Session): Promise<AccountView> {
  if (statusOf(session.status) !== 'linked') return viewOf(session);
  try {
    return viewOf(session, await fetchUser({ ...call, keys: session.keys }));
  } catch (error) {
    if (!(error instanceof ProviderFailure) || error.code !== 'login_lost') throw error;
    return { ...viewOf(session), status: 'needs_restart', reported: `${session.status}, but not for its key` };
  }
}

/** GET /status, with or without an envelope. */
export const fetchStatus = async (call: SessionCall): Promise<string> =>
  word(text(asObject(dataOf(await askSession(call, 'GET', '/status'))), 'status'));

export const fetchUser = async (call: SessionCall): Promise<Json | null> =>
  asObject(dataOf(await askSession(call, 'GET', '/user')));

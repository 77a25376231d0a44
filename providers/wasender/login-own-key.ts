import { createHash } from 'node:crypto';
import type { AccountView, CredentialsCall, ListedAccount, LoginProgress, ProviderCall } from '../provider.ts';
import { notFound } from '../shared/account-view.ts';
import { text } from './fields.ts';
import { phoneOf } from './ids.ts';
import { statusOf } from './account-object.ts';
import { soleSessionKey } from './settings.ts';
import { fetchStatus, fetchUser } from './account-view.ts';

/**
 * With a session's key in place of a personal access token there is one account, made and linked at WASender. Its
 * number is not told, so it is named after its key, from which the key cannot be found again.
 */
const ownId = (call: CredentialsCall): string =>
  `key-${createHash('sha256')
    .update(soleSessionKey(call.settings) ?? '')
    .digest('hex')
    .slice(0, 16)}`;

/** Nothing to make: the session is linked, or its owner links it at WASender. */
export async function beginOnOwnKey(call: CredentialsCall): Promise<LoginProgress> {
  const linked = statusOf(await fetchStatus(call)) === 'linked';
  return { providerAccountId: ownId(call), next: linked ? { linked } : elsewhere };
}

const elsewhere: LoginProgress['next'] = {
  linked: false,
  content: { kind: 'wait', for: "the number to be linked on WASender's own page" },
  expiresAt: null,
  canResend: false,
  canTryAnotherWay: false,
};

export async function checkByOwnKey(call: ProviderCall): Promise<AccountView> {
  const view = await viewByOwnKey(call);
  return call.providerAccountId === ownId(call) ? view : notFound;
}

async function viewByOwnKey(call: CredentialsCall): Promise<AccountView> {
  const reported = await fetchStatus(call);
  const status = statusOf(reported);
  const user = status === 'linked' ? await fetchUser(call) : null;
  return { status, reported, identity: phoneOf(text(user, 'id')), createdAt: null, raw: { status: reported, user } };
}

export async function listByOwnKey(call: CredentialsCall): Promise<ListedAccount[]> {
  const view = await viewByOwnKey(call);
  return [{ providerAccountId: ownId(call), channel: 'whatsapp', name: view.identity, view }];
}

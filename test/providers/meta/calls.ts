import type { ProviderSettings } from '../../../providers/contract/call.ts';
import { meta } from '../../../providers/meta/index.ts';
import type { LoginInput, LoginProgress, OAuthLogin, ProviderCall } from '../../../providers/provider.ts';
import type { MetaSandbox } from '../../sandbox/meta-sandbox.ts';
import { walkDialog, type DialogAnswers } from '../../support/meta-dialog.ts';

/** Settings of the sandbox's app, for Meta at `base_url`. */
export const settingsAt = (base_url: string): ProviderSettings => ({
  base_url,
  app_id: 'sandbox-app',
  app_secret: 'sandbox-app-secret',
  instagram_app_id: 'sandbox-instagram-app',
  instagram_app_secret: 'sandbox-instagram-app-secret',
});

/** What a verb needs, for Meta at `url`. */
export const callTo = (url: string, change: Partial<ProviderCall> = {}): ProviderCall => ({
  settings: settingsAt(url),
  reach: 'any',
  channel: 'messenger',
  providerAccountId: null,
  now: Date.now(),
  ...change,
});

export const redirectUri = 'http://127.0.0.1:9/callbacks/meta';

/** The input of a login by a page, from which the owner comes back with this state. */
export const oauthLogin = (credentials: LoginInput['credentials'] = {}): OAuthLogin => ({
  method: 'oauth',
  credentials,
  oauth: { redirectUri, state: 'state-1', expiresAt: Date.now() + 600_000 },
});

export const tokenLogin = (credentials: LoginInput['credentials']): LoginInput => ({ method: 'token', credentials });

/** A login of this person through the dialog, up to the exchange of its code. */
export async function logIn(
  call: ProviderCall,
  userName: string,
  credentials: LoginInput['credentials'] = {},
  answers?: DialogAnswers,
): Promise<LoginProgress> {
  const login = oauthLogin(credentials);
  const code = await codeFor(call, userName, login, answers);
  return meta.oauth.exchange(call, code, login);
}

/** The code with which the dialog sends this person back. */
export async function codeFor(
  call: ProviderCall,
  userName: string,
  login: OAuthLogin,
  answers?: DialogAnswers,
): Promise<string> {
  const back = new URL((await walkDialog(meta.oauth.authorizationUrl(call, login), userName, answers)).url);
  if (back.searchParams.get('state') !== login.oauth.state) throw new Error(`the dialog led to ${back.href}`);
  return back.searchParams.get('code') ?? '';
}

/** The call of an account that a login linked. */
export function linkedCall(call: ProviderCall, progress: LoginProgress): ProviderCall {
  if (!progress.next.linked) throw new Error('the login is not done');
  return { ...call, providerAccountId: progress.providerAccountId, keys: progress.keys };
}

/** An account that is connected through the dialog. */
export async function connected(
  world: MetaSandbox,
  channel: ProviderCall['channel'],
  userName: string,
  credentials: LoginInput['credentials'] = { choose: 'first' },
): Promise<ProviderCall> {
  const call = callTo(world.metaUrl, { channel });
  return linkedCall(call, await logIn(call, userName, credentials));
}

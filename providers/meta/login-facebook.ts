import { ProviderFailure } from '../../domain/failures.ts';
import type { AccountKeys } from '../../domain/accounts.ts';
import type { LoginInput, LoginProgress, OAuthLogin, ProviderCall } from '../provider.ts';
import { eachOnce } from '../shared/told-values.ts';
import { choose, chosen, type Choice } from './login-choice.ts';
import { choicesIn, pagesOf, type Page } from './login-pages.ts';
import { lackingScopes, notesOf, wantedScopes } from './scopes.ts';
import { appOf, serviceUrl, versionOf } from './settings.ts';
import { facebookToken, type Token } from './token-exchange.ts';
import { inspectToken, type TokenInfo } from './token-info.ts';

/** The dialog of a Facebook login; a new login of an account asks again for what was declined. */
export function facebookDialog(call: ProviderCall, { oauth }: OAuthLogin): string {
  const { settings, channel, providerAccountId } = call;
  const query = new URLSearchParams({
    client_id: appOf(settings, 'facebook').id,
    redirect_uri: oauth.redirectUri,
    state: oauth.state,
    response_type: 'code',
    scope: wantedScopes(channel, 'facebook').join(','),
    ...(providerAccountId !== null && { auth_type: 'rerequest' }),
  });
  return `${serviceUrl(settings, 'facebookPages')}/${versionOf(settings)}/dialog/oauth?${query.toString()}`;
}

/** A code becomes a long-lived token of the owner, and this one the token of a Page. */
export async function exchangeFacebook(call: ProviderCall, code: string, login: OAuthLogin): Promise<LoginProgress> {
  const token = await facebookToken(call, code, login.oauth.redirectUri);
  return linkPageOf(call, token, await inspectToken(call, token.token), login);
}

/** Connects a Page, or the Instagram account of one, by its owner's token. Throws `permission_missing`, `no_page` and the like. */
export async function linkPageOf(
  call: ProviderCall,
  owner: Token,
  info: TokenInfo,
  input: LoginInput | undefined,
): Promise<LoginProgress> {
  requireScopes(call, info);
  const keys = ownerKeys(owner, info);
  const choices = choicesIn(call.channel, await pagesOf(call, owner.token));
  return choose(call, {
    input,
    choices,
    keys,
    groups: ownerGroups(info.userId),
    link: linkOf(call, keys, info.userId),
  });
}

/** The owner has chosen a Page. */
export async function linkChosenPage(call: ProviderCall, answer: string): Promise<LoginProgress> {
  const { keys } = call;
  if (!keys?.apiKey) throw new ProviderFailure('checkpoint_expired', 'The token that the choice needs is gone.');
  const { userId } = await inspectToken(call, keys.apiKey);
  const choices = choicesIn(call.channel, await pagesOf(call, keys.apiKey));
  return linkOf(call, keys, userId)(chosen(choices, answer));
}

/** Throws `permission_missing` where the account could neither send nor receive. */
export function requireScopes({ channel }: ProviderCall, { scopes }: TokenInfo): void {
  const lacking = lackingScopes(channel, 'facebook', scopes);
  if (!lacking.length) return;
  throw new ProviderFailure('permission_missing', `The owner did not give: ${lacking.join(', ')}.`);
}

const ownerGroups = (userId: string | null): string[] => (userId ? [`user:${userId}`] : []);

/** What is kept of an owner's token while a Page is chosen. */
const ownerKeys = ({ token, expiresAt }: Token, { scopes, ...info }: TokenInfo): AccountKeys => ({
  apiKey: token,
  scopes,
  expiresAt: expiresAt ?? info.expiresAt ?? undefined,
});

const linkOf =
  (call: ProviderCall, owner: AccountKeys, userId: string | null) =>
  ({ id, of: page }: Choice<Page>): LoginProgress => ({
    providerAccountId: id,
    keys: pageKeys(call, owner, page, id),
    groups: eachOnce([...ownerGroups(userId), `page:${page.id}`]),
    notes: notesOf(call.channel, 'facebook', owner.scopes ?? null),
    next: { linked: true },
  });

/**
 * The keys of an account that is reached by a Page's token. That token has no end while its owner's token was a long-lived
 * one; the owner's is renewed at half of its life, so that a new one can be had.
 */
export function pageKeys(
  call: ProviderCall,
  owner: AccountKeys,
  page: Pick<Page, 'id' | 'token'>,
  id: string,
): AccountKeys {
  const { apiKey: parentKey, expiresAt, scopes } = owner;
  return {
    apiKey: page.token,
    parentKey,
    scopes,
    node: id === page.id ? undefined : page.id,
    host: undefined,
    expiresAt: undefined,
    refreshAt: expiresAt && call.now + (expiresAt - call.now) / 2,
  };
}

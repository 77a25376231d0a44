import { ProviderFailure } from '../../domain/failures.ts';
import type { AccountKeys } from '../../domain/accounts.ts';
import type { JsonObject } from '../json-object.ts';
import type { CredentialsCall, LoginProgress, OAuthLogin, ProviderCall } from '../provider.ts';
import { idIn } from '../shared/told-values.ts';
import { graph } from './client.ts';
import { lackingScopes, wantedScopes } from './scopes.ts';
import { appOf, serviceUrl } from './settings.ts';
import { instagramToken, type Token } from './token-exchange.ts';

export const profileFields = 'id,user_id,username,name,account_type,profile_picture_url';

/** The dialog of Instagram's own login. */
export function instagramDialog({ settings, channel }: ProviderCall, { oauth }: OAuthLogin): string {
  const query = new URLSearchParams({
    client_id: appOf(settings, 'instagram').id,
    redirect_uri: oauth.redirectUri,
    response_type: 'code',
    scope: wantedScopes(channel, 'instagram').join(','),
    state: oauth.state,
  });
  return `${serviceUrl(settings, 'instagramPages')}/oauth/authorize?${query.toString()}`;
}

/** A code becomes a token of 60 days of the Instagram account itself. */
export async function exchangeInstagram(call: ProviderCall, code: string, login: OAuthLogin): Promise<LoginProgress> {
  return linkInstagram(call, await instagramToken(call, code, login.oauth.redirectUri));
}

/** Connects the Instagram professional account that a token is of. */
export async function linkInstagram(call: ProviderCall, token: Token, refreshAt?: number): Promise<LoginProgress> {
  const lacking = token.scopes ? lackingScopes(call.channel, 'instagram', token.scopes) : [];
  if (lacking.length) throw new ProviderFailure('permission_missing', `The owner did not give: ${lacking.join(', ')}.`);
  const profile = await instagramProfile(call, token.token);
  const id = idIn(profile['user_id']);
  if (!id) throw new ProviderFailure('no_instagram_account', 'The login is not of an Instagram professional account.');
  if (call.providerAccountId && call.providerAccountId !== id)
    throw new ProviderFailure('another_identity', 'The login is of another Instagram account.');
  const owner = idIn(profile['id']);
  return {
    providerAccountId: id,
    keys: instagramKeys(token, refreshAt),
    groups: owner ? [`user:${owner}`] : [],
    next: { linked: true },
  };
}

/** The account that a token of an Instagram login is of. */
const instagramProfile = (call: CredentialsCall, token: string): Promise<JsonObject> =>
  graph({ ...call, keys: null, providerAccountId: null }, 'GET', '/me', {
    token,
    host: 'instagram',
    query: { fields: profileFields },
  });

/** Each has an end, and is renewed at half of its life unless `refreshAt` (milliseconds since the epoch) says when. */
export const instagramKeys = ({ token, expiresAt, scopes }: Token, refreshAt?: number): AccountKeys => ({
  apiKey: token,
  host: 'instagram',
  parentKey: undefined,
  node: undefined,
  scopes: scopes ?? undefined,
  expiresAt: expiresAt ?? undefined,
  refreshAt,
});

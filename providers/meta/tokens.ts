import type { AccountKeys } from '../../domain/accounts.ts';
import { ProviderFailure } from '../../domain/failures.ts';
import type { Tokens } from '../contract/tokens.ts';
import type { ProviderCall } from '../provider.ts';
import { textIn } from '../shared/told-values.ts';
import { graph } from './client.ts';
import { isGraphError } from './errors.ts';
import { hostOf, nodeOf, segment } from './ids.ts';
import { pageKeys } from './login-facebook.ts';
import { instagramKeys } from './login-instagram.ts';
import { longFacebookToken, renewedInstagramToken } from './token-exchange.ts';
import { inspectToken } from './token-info.ts';

/** Tokens that were renewed stay valid until their own end. */
export const tokens: Tokens = {
  async refreshToken(call) {
    const keys = keysIn(call);
    if (hostOf(call) === 'instagram') return renewInstagram(call, keys);
    return keys.parentKey ? renewPage(call, keys) : renewOwn(call, keys);
  },
};

type Keys = AccountKeys & { apiKey: string };

function keysIn({ keys }: ProviderCall): Keys {
  if (keys?.apiKey) return { ...keys, apiKey: keys.apiKey };
  throw new ProviderFailure('login_lost', 'The account has no access token.');
}

async function renewInstagram(call: ProviderCall, { apiKey, scopes }: Keys): Promise<AccountKeys> {
  const renewed = await renewedInstagramToken(call, apiKey);
  return { ...instagramKeys(renewed), scopes: renewed.scopes ?? scopes };
}

/** The owner's token is renewed, and the Page's had anew with it. */
async function renewPage(call: ProviderCall, keys: Keys): Promise<AccountKeys> {
  const owner = await longFacebookToken(call, keys.parentKey ?? '').catch((error: unknown) => {
    if (isGraphError(error, 190)) return null;
    throw error;
  });
  if (!owner) return withoutOwner(call, keys);
  const id = nodeOf(call);
  const page = await graph(call, 'GET', `/${segment(id)}`, {
    token: owner.token,
    query: { fields: 'id,access_token' },
  });
  const token = textIn(page['access_token']);
  if (!token) throw new ProviderFailure('permission_missing', 'The owner no longer has a token of the Page.');
  const { token: apiKey, expiresAt } = owner;
  const ofOwner = { apiKey, expiresAt: expiresAt ?? undefined, scopes: keys.scopes };
  return pageKeys(call, ofOwner, { id, token }, call.providerAccountId ?? id);
}

/** The Page's token outlives its owner's, which can no longer be renewed. */
async function withoutOwner(call: ProviderCall, keys: Keys): Promise<AccountKeys> {
  const { isValid } = await inspectToken(call, keys.apiKey);
  if (!isValid) throw new ProviderFailure('login_lost', "The owner's token and the Page's have ended.");
  return { ...keys, parentKey: undefined, refreshAt: undefined };
}

/** Of a number, or of a Page whose owner's token is not known. */
async function renewOwn(call: ProviderCall, keys: Keys): Promise<AccountKeys> {
  const { token, expiresAt } = await longFacebookToken(call, keys.apiKey);
  return { ...keys, apiKey: token, expiresAt: expiresAt ?? undefined, refreshAt: undefined };
}

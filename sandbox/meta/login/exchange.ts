import type { Response } from 'express';
import { findApp } from '../apps.ts';
import { invalidParameter, MetaError } from '../errors.ts';
import { graphRoute, type Call, type Route } from '../graph/call.ts';
import { personNamed } from '../people.ts';
import type { State } from '../state.ts';
import { expiryOf, issueToken, tokenOf } from '../tokens.ts';
import type { App, LoginCode, Token } from '../types.ts';

/** Token endpoints. None of them takes an access token of the kind that other routes want. */
export const exchangeRoutes = (state: State): Route[] => [
  graphRoute('GET /oauth/access_token', (call) => facebookToken(state, call), { open: true, hasEffect: true }),
  graphRoute(
    'POST /oauth/access_token',
    (call, _req, res) => (isInstagrams(call) ? instagramToken(state, call, res) : facebookToken(state, call)),
    { open: true },
  ),
  graphRoute('GET /access_token', (call) => longInstagramToken(state, call), { open: true, hasEffect: true }),
  graphRoute('GET /refresh_access_token', (call) => refreshInstagramToken(state, call), {
    open: true,
    hasEffect: true,
  }),
];

/** Instagram's host has no version in this path. */
const isInstagrams = ({ url, params }: Call): boolean =>
  !/\/v\d+\.\d\//.test(url) && params.text('grant_type') === 'authorization_code';

function facebookToken(state: State, { params }: Call): object {
  const app = requireApp(state, params.required('client_id'), params.required('client_secret'));
  const grant = params.text('grant_type');
  if (grant === 'client_credentials') return { access_token: `${app.id}|${app.secret}`, token_type: 'bearer' };
  if (grant === 'fb_exchange_token') return exchangeLong(state, app, params.required('fb_exchange_token'));
  const code = state.world.codes.get(params.required('code'));
  if (!code || code.kind !== 'facebook' || code.appId !== app.id)
    throw invalidCode('Invalid verification code format.', 36_007);
  if (code.used) throw invalidCode('This authorization code has been used.', 36_009);
  if (code.until <= state.shared.clock.now()) throw invalidCode('This authorization code has expired.', 36_007);
  if (params.text('redirect_uri') !== code.redirectUri) {
    throw invalidCode(
      'Error validating verification code. Please make sure your redirect_uri is identical to the one you used in the OAuth dialog request',
      36_008,
    );
  }
  code.used = true;
  const person = personNamed(state, code.userName);
  const seconds = state.variants.values.short_token_seconds;
  const token = issueToken(state, {
    ...grantOf(code),
    kind: 'user',
    userId: person.id,
    assetId: null,
    seconds,
    longLived: false,
  });
  return { access_token: token.value, token_type: 'bearer', expires_in: seconds };
}

/** A long-lived token may be exchanged again while it counts. */
function exchangeLong(state: State, app: App, value: string): object {
  const before = tokenOf(state, value);
  if (before.appId !== app.id || before.kind === 'app' || before.kind === 'instagram') {
    throw new MetaError(190, 'The access token does not belong to application.');
  }
  const seconds = expiryOf(state, before) === 0 ? null : state.variants.values.long_token_seconds;
  const { kind, appId, userId, assetId, scopes, pageIds } = before;
  const token = issueToken(state, { kind, appId, userId, assetId, scopes, pageIds, seconds, longLived: true });
  return { access_token: token.value, token_type: 'bearer', ...(seconds !== null && { expires_in: seconds }) };
}

/** The shape of its errors is its own. */
function instagramToken(state: State, { params }: Call, res: Response): object {
  const fail = (message: string): object => {
    res.status(400);
    return { error_type: 'OAuthException', code: 400, error_message: message };
  };
  const app = findApp(state, params.text('client_id') ?? '');
  if (!app) return fail('Invalid platform app');
  const secrets = [app.secret, app.instagram.secret];
  if (!secrets.includes(params.text('client_secret') ?? '')) return fail('Error validating client secret.');
  // Clients that read the address bar hand over its end, too.
  const code = state.world.codes.get((params.text('code') ?? '').replace(/#_$/, ''));
  const now = state.shared.clock.now();
  if (!code || code.kind !== 'instagram' || code.used || code.until <= now || code.appId !== app.id) {
    return fail('Matching code was not found or was already used');
  }
  if (params.text('redirect_uri') !== code.redirectUri) {
    return fail(
      'Error validating verification code. Please make sure your redirect_uri is identical to the one you used in the OAuth dialog request',
    );
  }
  code.used = true;
  const person = personNamed(state, code.userName);
  const token = issueToken(state, {
    ...grantOf(code),
    kind: 'instagram',
    userId: person.id,
    assetId: person.instagramId,
    seconds: 3600,
    longLived: false,
  });
  return exchangeAnswer(state, token);
}

function exchangeAnswer(state: State, token: Token): object {
  const { instagram_exchange, instagram_permissions } = state.variants.values;
  const permissions = instagram_permissions === 'text' ? [...token.scopes].join(',') : [...token.scopes];
  const answer = { access_token: token.value, user_id: token.assetId, permissions };
  return instagram_exchange === 'data' ? { data: [answer] } : answer;
}

/** A short token of Instagram login becomes one of 60 days. */
function longInstagramToken(state: State, { params }: Call): object {
  requireGrant(params.text('grant_type'), 'ig_exchange_token');
  const token = requireInstagram(tokenOf(state, params.required('access_token')));
  const app = findApp(state, token.appId);
  if (![app?.secret, app?.instagram.secret].includes(params.required('client_secret'))) {
    throw new MetaError(101, 'Error validating client secret.');
  }
  if (token.longLived) throw invalidParameter('Session key is not a short-lived token');
  return longAnswer(state, token);
}

const DAY_MS = 86_400_000;

/** At least a day old, not over, and with the basic permission. */
function refreshInstagramToken(state: State, { params }: Call): object {
  requireGrant(params.text('grant_type'), 'ig_refresh_token');
  const token = requireInstagram(tokenOf(state, params.required('access_token')));
  if (!token.longLived) throw invalidParameter('Only a long-lived token can be refreshed');
  if (state.shared.clock.now() - token.issuedAt < DAY_MS) {
    throw invalidParameter('The token must be at least 24 hours old to be refreshed');
  }
  if (!token.scopes.has('instagram_business_basic'))
    throw new MetaError(10, '(#10) instagram_business_basic is required');
  return { ...longAnswer(state, token), permissions: [...token.scopes].join(',') };
}

function longAnswer(state: State, { appId, userId, assetId, scopes }: Token): object {
  const seconds = state.variants.values.long_token_seconds;
  const token = issueToken(state, { kind: 'instagram', appId, userId, assetId, scopes, seconds, longLived: true });
  return { access_token: token.value, token_type: 'bearer', expires_in: seconds };
}

const grantOf = ({ appId, scopes, pageIds }: LoginCode): { appId: string; scopes: string[]; pageIds: string[] } => ({
  appId,
  scopes,
  pageIds,
});

function requireApp(state: State, id: string, secret: string): App {
  const app = findApp(state, id);
  if (!app)
    throw new MetaError(101, 'Error validating application. Cannot get application info due to a system error.');
  if (secret !== app.secret) throw new MetaError(1, 'Error validating client secret.');
  return app;
}

function requireGrant(given: string | undefined, wanted: string): void {
  if (given !== wanted) throw invalidParameter(`grant_type must be ${wanted}`);
}

function requireInstagram(token: Token): Token {
  if (token.kind !== 'instagram') throw new MetaError(190, 'Invalid OAuth access token - Cannot parse access token');
  return token;
}

const invalidCode = (text: string, subcode: number): MetaError => new MetaError(100, text, { subcode });

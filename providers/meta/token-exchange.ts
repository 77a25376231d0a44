import { failureRow, ProviderFailure } from '../../domain/failures.ts';
import type { CredentialsCall } from '../provider.ts';
import { asList, asObject, type JsonObject } from '../json-object.ts';
import { amountIn, textIn } from '../shared/told-values.ts';
import { appCall } from './client.ts';
import { GraphFailure, isGraphError } from './errors.ts';
import { appOf, versionOf } from './settings.ts';
import { inspectApp } from './token-info.ts';

/** A token with its end, in milliseconds since the epoch; null where it has none. */
export interface Token {
  token: string;
  expiresAt: number | null;
  /** Permissions, where the answer tells them. */
  scopes: string[] | null;
}

/** The code of a Facebook login becomes a token of its owner, and this one a token of about 60 days. */
export async function facebookToken(call: CredentialsCall, code: string, redirectUri: string): Promise<Token> {
  const given = { redirect_uri: redirectUri, code: withoutFragment(code) };
  const short = await facebookExchange(call, 'code', given).catch(async (error: unknown) => {
    // A wrong secret of the app is answered as an unknown error; asked for itself, the app is refused.
    if (isGraphError(error, 1)) await inspectApp(call);
    throw error;
  });
  return longFacebookToken(call, short.token);
}

/** A new token of about 60 days for one that is still valid. A token without an end comes back as one. */
export const longFacebookToken = (call: CredentialsCall, token: string): Promise<Token> =>
  facebookExchange(call, 'account', { grant_type: 'fb_exchange_token', fb_exchange_token: token });

async function facebookExchange(
  call: CredentialsCall,
  by: 'account' | 'code',
  query: Readonly<Record<string, string>>,
): Promise<Token> {
  const { id, secret } = appOf(call.settings, 'facebook');
  const path = `/${versionOf(call.settings)}/oauth/access_token`;
  const app = { client_id: id, client_secret: secret };
  return tokenIn(
    call,
    await appCall(call, { method: 'GET', service: 'facebook', path, query: { ...app, ...query }, by }),
  );
}

/** The code of an Instagram login becomes a token of an hour, and this one a token of 60 days. */
export async function instagramToken(call: CredentialsCall, code: string, redirectUri: string): Promise<Token> {
  const { id, secret } = appOf(call.settings, 'instagram');
  const body = new URLSearchParams({
    client_id: id,
    client_secret: secret,
    grant_type: 'authorization_code',
    redirect_uri: redirectUri,
    code: withoutFragment(code),
  });
  const path = '/oauth/access_token';
  const answer = await appCall(call, { method: 'POST', service: 'instagramCodes', path, body, by: 'code' });
  const short = tokenIn(call, answer);
  return { ...(await longInstagramToken(call, short.token)), scopes: short.scopes };
}

async function longInstagramToken(call: CredentialsCall, token: string): Promise<Token> {
  const { secret } = appOf(call.settings, 'instagram');
  const query = { grant_type: 'ig_exchange_token', client_secret: secret, access_token: token };
  const path = '/access_token';
  return tokenIn(call, await appCall(call, { method: 'GET', service: 'instagram', path, query, by: 'account' }));
}

/** A new token of 60 days for one that is valid and at least a day old. */
export async function renewedInstagramToken(call: CredentialsCall, token: string): Promise<Token> {
  const query = { grant_type: 'ig_refresh_token', access_token: token };
  const path = '/refresh_access_token';
  return tokenIn(call, await appCall(call, { method: 'GET', service: 'instagram', path, query, by: 'account' }));
}

const dayMs = 24 * 60 * 60_000;
const lifeDays = 60;
/** What is tried again as it is. */
const passes: ReadonlySet<string> = new Set(['retry', 'wait']);

/**
 * A token of an Instagram account whose age is not known, made one of 60 days. One that can neither be exchanged nor renewed
 * is less than a day old and one already: it is renewed when that day is over.
 */
export async function lastingInstagramToken(
  call: CredentialsCall,
  token: string,
): Promise<Token & { refreshAt?: number }> {
  for (const make of [longInstagramToken, renewedInstagramToken])
    try {
      return await make(call, token);
    } catch (error) {
      if (!(error instanceof GraphFailure) || passes.has(failureRow(error.code).action)) throw error;
    }
  return { token, expiresAt: call.now + (lifeDays - 1) * dayMs, scopes: null, refreshAt: call.now + dayMs };
}

/** The dialog adds `#_` to the address, which is no part of the code. */
const withoutFragment = (code: string): string => code.replace(/#_$/, '');

/** The token in an answer: at its top, or in a list of one as Instagram documents it. */
function tokenIn({ now }: CredentialsCall, answer: JsonObject): Token {
  const body = asObject(asList(answer['data'])[0]) ?? answer;
  const token = textIn(body['access_token']);
  if (!token)
    throw new ProviderFailure('provider_unavailable', 'Meta answered no access token.', { effect: 'unknown' });
  const seconds = amountIn(body['expires_in']);
  return { token, expiresAt: seconds ? now + seconds * 1_000 : null, scopes: scopesIn(body['permissions']) };
}

/** Permissions as a list or as a text with commas; null where none are told. */
function scopesIn(told: unknown): string[] | null {
  const names = typeof told === 'string' ? told.split(',') : asList(told).flatMap((one) => textIn(one) ?? []);
  const each = names.map((name) => name.trim()).filter((name) => name !== '');
  return each.length ? each : null;
}

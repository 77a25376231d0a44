import { ProviderFailure } from '../../domain/failures.ts';
import type { AccountKeys } from '../../domain/accounts.ts';
import type { LoginInput, LoginProgress, ProviderCall } from '../provider.ts';
import { eachOnce, textIn } from '../shared/told-values.ts';
import { graph } from './client.ts';
import { isGraphError } from './errors.ts';
import { segment } from './ids.ts';
import { linkPageOf, requireScopes } from './login-facebook.ts';
import { linkInstagram } from './login-instagram.ts';
import { choicesIn, pageFields, readPage } from './login-pages.ts';
import { notesOf } from './scopes.ts';
import { appOf } from './settings.ts';
import { lastingInstagramToken, longFacebookToken, type Token } from './token-exchange.ts';
import { inspectToken, type TokenInfo } from './token-info.ts';

/** Connects an account by a token that its owner brought: of a Page, of the owner, or of an Instagram account itself. */
export async function beginWithToken(call: ProviderCall, input: LoginInput): Promise<LoginProgress> {
  const token = textIn(input.credentials['access_token']) ?? '';
  const info = await inspectToken(call, token).catch((error: unknown) => {
    // Meta refuses to show a token that is none of its own: it may be Instagram's.
    if (isGraphError(error, 100, 190)) return null;
    throw error;
  });
  const isInstagrams = !info?.isValid || info.scopes.some((scope) => scope.startsWith('instagram_business_'));
  if (isInstagrams && call.channel === 'instagram') return withInstagramToken(call, token, info);
  if (!info?.isValid) throw notValid(info);
  requireOwnApp(call, info);
  if (info.type === 'PAGE') return withPageToken(call, token, info);
  const owner = await longToken(call, token, info);
  return linkPageOf(call, owner, info, input);
}

/** Tells of a token that is not valid which of the ends it met. */
export function notValid(info: TokenInfo | null): ProviderFailure {
  const { code, subcode } = info?.error ?? {};
  const numbers = code ? ` (${code}${subcode ? `, subcode ${subcode}` : ''})` : '';
  return new ProviderFailure('wrong_token', `Meta says that the access token is not valid${numbers}.`);
}

/** Proofs and renewals work with tokens of the app in the settings alone. */
export function requireOwnApp({ settings }: ProviderCall, { appId }: TokenInfo): void {
  if (appId === null || appId === appOf(settings, 'facebook').id) return;
  throw new ProviderFailure('wrong_token', 'The access token is of another app than the one in the settings.');
}

async function withInstagramToken(call: ProviderCall, token: string, info: TokenInfo | null): Promise<LoginProgress> {
  try {
    const { refreshAt, ...lasting } = await lastingInstagramToken(call, token);
    return await linkInstagram(call, lasting, refreshAt);
  } catch (error) {
    if (isGraphError(error, 190)) throw notValid(info);
    throw error;
  }
}

/** A Page's token names its Page; its owner's token is not known, so it is renewed by nothing. */
async function withPageToken(call: ProviderCall, token: string, info: TokenInfo): Promise<LoginProgress> {
  requireScopes(call, info);
  const own = { ...call, keys: null, providerAccountId: null };
  const query = { fields: pageFields };
  const item = await graph(own, 'GET', `/${segment(info.pageId ?? 'me')}`, { token, host: 'facebook', query });
  const page = readPage({ access_token: token, ...item });
  const [choice] = page ? choicesIn(call.channel, [{ ...page, token }]) : [];
  if (!page || !choice) throw new ProviderFailure('no_page', 'The access token is of no Page.');
  if (call.providerAccountId && call.providerAccountId !== choice.id)
    throw new ProviderFailure('another_identity', 'The access token is of another Page.');
  const keys: AccountKeys = {
    apiKey: token,
    parentKey: undefined,
    scopes: info.scopes,
    node: choice.id === page.id ? undefined : page.id,
    host: undefined,
    expiresAt: info.expiresAt ?? undefined,
    refreshAt: undefined,
  };
  const groups = eachOnce([info.userId && `user:${info.userId}`, `page:${page.id}`]);
  const notes = notesOf(call.channel, 'facebook', info.scopes);
  return { providerAccountId: choice.id, keys, groups, notes, next: { linked: true } };
}

/** A token that ends soon becomes one of about 60 days, so that the Page's has no end. */
async function longToken(call: ProviderCall, token: string, info: TokenInfo): Promise<Token> {
  if (info.expiresAt === null) return { token, expiresAt: null, scopes: null };
  return longFacebookToken(call, token);
}

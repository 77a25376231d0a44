import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { findApp } from './apps.ts';
import { MetaError } from './errors.ts';
import type { State } from './state.ts';
import type { Person, Token, TokenKind } from './types.ts';

export type NewToken = Pick<Token, 'kind' | 'appId' | 'userId' | 'assetId'> & {
  scopes: Iterable<string>;
  pageIds?: string[];
  /** Null: it has no end. */
  seconds: number | null;
  longLived: boolean;
};

const PREFIXES: Record<TokenKind, string> = {
  user: 'EAA',
  page: 'EAA',
  system_user: 'EAA',
  instagram: 'IGAA',
  app: '',
};

export function issueToken(state: State, { seconds, scopes, pageIds = [], ...token }: NewToken): Token {
  const now = state.shared.clock.now();
  const issued: Token = {
    ...token,
    value: `${PREFIXES[token.kind]}sandbox${randomBytes(36).toString('base64url').replaceAll(/[-_]/g, 'x')}`,
    scopes: new Set(scopes),
    pageIds,
    issuedAt: now,
    expiresAt: seconds === null ? 0 : now + seconds * 1000,
    endedBy: null,
  };
  state.world.tokens.set(issued.value, issued);
  return issued;
}

/** The same one each time, while it counts. From a long-lived user token it has no end. */
export function pageToken(state: State, user: Token, pageId: string): Token {
  for (const one of state.world.tokens.values()) {
    const isSame =
      one.kind === 'page' && one.assetId === pageId && one.userId === user.userId && one.appId === user.appId;
    if (isSame && one.endedBy === null && one.longLived === user.longLived && one.issuedAt >= user.issuedAt) return one;
  }
  const { appId, userId, scopes, longLived, expiresAt } = user;
  const seconds = longLived ? null : (expiresAt - state.shared.clock.now()) / 1000;
  return issueToken(state, { kind: 'page', appId, userId, assetId: pageId, scopes, seconds, longLived });
}

/** Of a value that counts. Throws 190. */
export function tokenOf(state: State, value: string): Token {
  const appToken = appTokenOf(state, value);
  if (appToken) return appToken;
  const token = state.world.tokens.get(value);
  if (!token) throw new MetaError(190, 'Invalid OAuth access token - Cannot parse access token');
  const end = endOf(state, token);
  if (end) throw end;
  return token;
}

/** `{app id}|{app secret}`. */
function appTokenOf(state: State, value: string): Token | null {
  const [id = '', secret] = value.split('|');
  const app = secret === undefined ? null : findApp(state, id);
  if (!app) return null;
  if (secret !== app.secret && secret !== app.instagram.secret) {
    throw new MetaError(190, 'Invalid OAuth access token signature.');
  }
  return {
    value,
    kind: 'app',
    appId: app.id,
    userId: null,
    assetId: null,
    scopes: new Set(),
    pageIds: [],
    issuedAt: 0,
    expiresAt: 0,
    longLived: true,
    endedBy: null,
  };
}

const BEGIN = 'Error validating access token:';
const ENDS: Record<number, string> = {
  458: 'The user has not authorized application',
  459: 'The user cannot access the app until they log in to www.facebook.com and follow the instructions given',
  460: 'The session has been invalidated because the user changed their password or Facebook has changed the session for security reasons.',
  464: 'The user is not a confirmed user.',
  467: 'The session is invalid because the user logged out.',
  492: 'The user must be an administrator, editor, or moderator of the page in order to impersonate it.',
};

/** Why a token no longer counts; null while it does. */
function endOf(state: State, token: Token): MetaError | null {
  const now = state.shared.clock.now();
  const { endedBy, appId } = token;
  const expiresAt = expiryOf(state, token);
  if (endedBy !== null && endedBy !== 463) {
    const words = `${BEGIN} ${ENDS[endedBy] ?? 'The session is invalid.'}${endedBy === 458 ? ` ${appId}.` : ''}`;
    return new MetaError(190, words, { subcode: endedBy });
  }
  if (endedBy !== 463 && (expiresAt === 0 || expiresAt > now)) return null;
  const at = new Date(endedBy === 463 ? now : expiresAt).toUTCString();
  return new MetaError(
    190,
    `${BEGIN} Session has expired on ${at}. The current time is ${new Date(now).toUTCString()}.`,
    { subcode: 463 },
  );
}

/** `appsecret_proof`: hex HMAC-SHA256 of the token with the app's secret. Throws 104. */
export function checkProof(state: State, token: Token, proof: string | undefined): void {
  if (proof === undefined) {
    if (!state.variants.values.require_proof) return;
    throw new MetaError(104, 'API calls from the server require an appsecret_proof argument', {
      type: 'GraphMethodException',
    });
  }
  const app = findApp(state, token.appId);
  const isRight = [app?.secret, app?.instagram.secret].some((secret) => {
    const wanted = createHmac('sha256', secret ?? '')
      .update(token.value)
      .digest();
    const given = Buffer.from(proof, 'hex');
    return given.length === wanted.length && timingSafeEqual(given, wanted);
  });
  if (!isRight) {
    throw new MetaError(104, 'Invalid appsecret_proof provided in the API argument', { type: 'GraphMethodException' });
  }
}

/** A system user's token has an end by variant. */
export function expiryOf(state: State, { kind, issuedAt, expiresAt }: Token): number {
  const { system_token_seconds: seconds } = state.variants.values;
  return kind === 'system_user' && seconds !== null ? issuedAt + seconds * 1000 : expiresAt;
}

/** As `GET /debug_token` shows it. */
export function debugView(state: State, value: string): object {
  const token = appTokenOf(state, value) ?? state.world.tokens.get(value);
  if (!token)
    return { is_valid: false, scopes: [], error: { code: 190, message: 'Invalid OAuth access token.', subcode: 467 } };
  const end = endOf(state, token);
  const isSystem = token.kind === 'system_user' || token.kind === 'app';
  const unix = (ms: number): number => Math.floor(ms / 1000);
  return {
    app_id: token.appId,
    application: 'Patchbay sandbox',
    type: token.kind === 'instagram' ? 'USER' : token.kind.toUpperCase(),
    is_valid: end === null,
    expires_at: unix(expiryOf(state, token)),
    data_access_expires_at: isSystem ? 0 : unix(token.issuedAt + DATA_ACCESS_MS),
    ...(token.longLived && token.issuedAt > 0 && { issued_at: unix(token.issuedAt) }),
    scopes: [...token.scopes],
    granular_scopes: [...token.scopes].map((scope) => granular(state, token, scope)),
    ...(token.userId !== null && { user_id: token.userId }),
    ...(token.kind === 'page' && { profile_id: token.assetId }),
    ...(end && { error: { code: end.code, message: end.message, subcode: end.details.subcode } }),
  };
}

/** 90 days. */
const DATA_ACCESS_MS = 90 * 86_400_000;

function granular(state: State, token: Token, scope: string): object {
  const pageIds = token.kind === 'page' && token.assetId !== null ? [token.assetId] : token.pageIds;
  if (scope.startsWith('pages_')) return { scope, target_ids: pageIds };
  if (!scope.startsWith('instagram_') || token.kind === 'instagram') return { scope };
  const linked = pageIds.flatMap((id) => state.world.pages.get(id)?.instagramId ?? []);
  return { scope, target_ids: linked };
}

/** Tokens of a person, or of one Page or account. */
export function tokensOf(state: State, keep: (token: Token) => boolean): Token[] {
  return [...state.world.tokens.values()].filter(keep);
}

export function personOfToken(state: State, token: Token): Person | null {
  return [...state.world.people.values()].find(({ id }) => id === token.userId) ?? null;
}

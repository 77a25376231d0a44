import { randomBytes } from 'node:crypto';
import type { Em } from '../../db/connect.ts';
import { ConnectionAttempt } from '../../db/entities/attempts.ts';
import { isOneOf } from '../../platform/constant-time.ts';
import type { Keyset } from '../../platform/keyset.ts';
import { hashToken } from './new-attempt.ts';

/** Why a browser that came with a state is sent nowhere. `over`: the login has ended, or its time has. */
export type OAuthRefusal = 'unknown' | 'other_browser' | 'used' | 'over';

/** A state names one authorization page of one attempt, and with it tenant, owner and account. */
export const newState = (): string => randomBytes(32).toString('base64url');

const purposes = { start: 'oauth-start', browser: 'oauth-browser' } as const;

/**
 * What opens the beginning of a login (`start`) and what the browser that opened it then holds (`browser`). Both are made
 * of the state, which the provider's page sees, and of a key of the tenant, so that the state alone tells neither.
 */
export const stateToken = (keys: Keyset, state: string, of: keyof typeof purposes): string =>
  keys.digest(purposes[of], state);

export const isStateToken = (keys: Keyset, state: string, of: keyof typeof purposes, given: string): boolean =>
  isOneOf(given, keys.digests(purposes[of], state));

/**
 * The cookie that holds a browser's token of one login: several may run at once. The prefix keeps other hosts of the same
 * domain from setting it; browsers take it with TLS alone.
 */
export function browserCookie(publicUrl: string, state: string): { name: string; secure: boolean } {
  const secure = publicUrl.startsWith('https:');
  return { name: `${secure ? '__Host-' : ''}patchbay-login-${hashToken(state).slice(0, 16)}`, secure };
}

/** The attempt that is waiting for a browser with this state, or was; null for a state that names none. System role. */
export const attemptByState = (em: Em, state: string): Promise<ConnectionAttempt | null> =>
  em.findOne(ConnectionAttempt, { callbackHash: hashToken(state), method: 'oauth' });

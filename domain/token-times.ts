import type { AccountKeys } from './accounts.ts';

const hour = 3_600_000;
const day = 24 * hour;

/** When a token is renewed, when its owner is asked where that did not succeed, and when it ends. Null: never. */
export interface TokenTimes {
  refreshAt: Date | null;
  askAt: Date | null;
  expireAt: Date | null;
}

/** The owner is asked so long before the end, but not before three quarters of the token's life are over. */
const askBeforeMs = 7 * day;

/** Of the time until a renewal, the most that chance takes away, so that tokens of one moment are not renewed in one. */
const jitter = 0.1;

/**
 * The times of keys that were got `at` that moment: renewed when the provider says, else at half of their life. `random`
 * is in [0, 1).
 */
export function tokenTimes({ refreshAt, expiresAt }: AccountKeys, at: Date, random = Math.random()): TokenTimes {
  const now = at.getTime();
  const renew = refreshAt ?? (expiresAt === undefined ? undefined : now + (expiresAt - now) / 2);
  const early = renew === undefined ? 0 : Math.max(0, renew - now) * jitter * random;
  const ask = expiresAt === undefined ? undefined : expiresAt - Math.min(askBeforeMs, (expiresAt - now) / 4);
  const date = (ms: number | undefined): Date | null => (ms === undefined ? null : new Date(ms));
  return {
    refreshAt: date(renew === undefined ? undefined : renew - early),
    askAt: date(ask),
    expireAt: date(expiresAt),
  };
}

/** Ends that differ by less are one end: a provider tells the seconds that are left. In milliseconds. */
const sameEndMs = hour;

export const isSameEnd = (one: Date | null, other: Date | null): boolean =>
  one !== null && other !== null && Math.abs(one.getTime() - other.getTime()) < sameEndMs;

/**
 * When a renewal is tried again that failed so many times in a row: after one hour, after four, then daily. Where the end
 * comes sooner, after half of what is left of the time, but not within the hour.
 */
export function nextTryAt(failures: number, at: Date, expireAt: Date | null): Date {
  const rest = failures <= 1 ? hour : failures === 2 ? 4 * hour : day;
  const left = expireAt ? (expireAt.getTime() - at.getTime()) / 2 : Infinity;
  return new Date(at.getTime() + Math.max(hour, Math.min(rest, left)));
}

/** The earliest of the times that are known; null where none is. */
export const earliest = (...times: readonly (Date | null)[]): Date | null =>
  times.reduce((found, one) => (found === null || (one !== null && one < found) ? one : found), null);

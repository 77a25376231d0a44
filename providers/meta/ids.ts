import { ProviderFailure } from '../../domain/failures.ts';
import type { ProviderCall } from '../provider.ts';
import { pathSegment } from '../shared/http.ts';
import { eachOnce } from '../shared/told-values.ts';

/** Meta's APIs: tokens of an Instagram login are for `instagram` alone, all others for `facebook`. */
export type GraphHost = 'facebook' | 'instagram';

export const segment = (id: string | null): string => pathSegment('Meta', id);

export const hostOf = ({ keys }: Pick<ProviderCall, 'keys'>): GraphHost =>
  keys?.host === 'instagram' ? 'instagram' : 'facebook';

/**
 * The object that calls about the account go to: the Page of a Messenger account and of an Instagram account that was
 * connected through one, else the Instagram account or the number itself. Throws `not_found` where none is known.
 */
export function nodeOf({ keys, providerAccountId }: Pick<ProviderCall, 'keys' | 'providerAccountId'>): string {
  const node = keys?.node ?? providerAccountId;
  if (node) return node;
  throw new ProviderFailure('not_found', 'The account has no login at Meta.');
}

/** The WhatsApp business account of a number. Throws `not_found`. */
export function businessOf({ keys }: Pick<ProviderCall, 'keys'>): string {
  if (keys?.business) return keys.business;
  throw new ProviderFailure('not_found', 'The WhatsApp business account of the number is not known.');
}

/** The limit of calls with the app's own token and with those of owners. */
export const appLimit = 'app';

/** What limits calls about an account: Meta's usage headers name these ids. Calls about none count toward the app's limit. */
export function limitedBy({ keys, providerAccountId }: Pick<ProviderCall, 'keys' | 'providerAccountId'>): string[] {
  const objects = eachOnce([providerAccountId, keys?.node ?? null, keys?.business ?? null]);
  return objects.length ? objects : [appLimit];
}

import type { Channel } from '../../domain/channels.ts';
import { ProviderFailure } from '../../domain/failures.ts';
import { parseIdentity } from '../../domain/identities.ts';
import type { ProviderCall } from '../provider.ts';
import { pathSegment } from '../shared/http.ts';

/** UniPile v1's name of each channel, in logins and as the type of an account. */
export const providerNames: Readonly<Record<Channel, string>> = {
  whatsapp: 'WHATSAPP',
  telegram: 'TELEGRAM',
  linkedin: 'LINKEDIN',
  instagram: 'INSTAGRAM',
  messenger: 'MESSENGER',
  mail: 'MAIL',
};

const channels = new Map<string, Channel>([
  ...Object.entries(providerNames).map(([channel, type]) => [type, channel as Channel] as const),
  ['GOOGLE_OAUTH', 'mail'],
  ['OUTLOOK', 'mail'],
  ['ICLOUD', 'mail'],
  ['EXCHANGE', 'mail'],
]);

export const channelOf = (type: string | null): Channel | null => channels.get(type ?? '') ?? null;

/** The account that a verb is about: a list without one would be of every account. */
export function accountOf({ providerAccountId: id }: ProviderCall): string {
  if (id) return id;
  throw new ProviderFailure('not_found', 'The account has no login at UniPile.');
}

export const segment = (id: string | null): string => pathSegment('UniPile', id);

/** A person, or a conversation with one, as a key: on WhatsApp in canonical form, where it is a person's. */
export const canonicalKey = (channel: Channel, id: string): string =>
  (channel === 'whatsapp' ? parseIdentity(id)?.value : null) ?? id;

/** A message's id on the channel as a key. Telegram numbers the messages of each chat anew, so that there the chat is part of the key. */
export function messageKey(channel: Channel, providerId: string, providerChatId: string | null): string {
  return channel === 'telegram' && providerChatId !== null ? `${providerChatId}:${providerId}` : providerId;
}

/** UniPile's ids are 22 characters of base64url in practice; WhatsApp's own of that length are hexadecimal. */
const looksOwn = (key: string): boolean => /^[\w-]{22}$/.test(key) && !/^[0-9A-F]+$/.test(key);

/** UniPile's own id among the keys of one thing; null where none of them looks like one. */
export const ownId = (keys: readonly string[]): string | null => keys.find(looksOwn) ?? null;

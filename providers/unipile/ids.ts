import type { Channel } from '../../domain/channels.ts';
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

export const segment = (id: string | null): string => pathSegment('UniPile', id);

import { parseIdentity, type Identity } from '../../domain/identities.ts';
import type { SeenConversation } from '../../domain/seen-messages.ts';

/** The kind of a WhatsApp chat by its address; null for what is no address of a chat. */
export function chatKind(id: string | null): SeenConversation['kind'] | null {
  if (id === null) return null;
  if (id.endsWith('@g.us')) return 'group';
  if (/@(newsletter|broadcast)$/.test(id)) return 'channel';
  return parseIdentity(id) ? 'person' : null;
}

/** Where people show pictures for a day: WhatsApp's own format puts them beside chats, but they are no conversation. */
export const isStatusFeed = (id: string | null): boolean => id === 'status@broadcast';

/** A person's address in canonical form, another chat's as it is. */
export const chatKey = (id: string | null): string | null => parseIdentity(id)?.value ?? id;

/** A person's addresses: at most one by number and one without it, the first of each. In the order told. */
export function addressesIn(texts: readonly (string | null)[]): Identity[] {
  const found = new Map<string, Identity>();
  for (const text of texts) {
    const identity = parseIdentity(text);
    if (identity && !found.has(identity.kind)) found.set(identity.kind, identity);
  }
  return [...found.values()];
}

/**
 * Whether a sender's addresses are those of the other one in a conversation of two: they name the chat, or cannot name it
 * since they are of another kind, and the message is incoming.
 */
export function isPartner(chat: string | null, addresses: readonly string[], isIncoming: boolean): boolean {
  const own = parseIdentity(chat);
  const alike = addressesIn(addresses).find(({ kind }) => kind === own?.kind);
  return alike ? alike.value === own?.value : isIncoming;
}

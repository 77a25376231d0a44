import type { Channel } from '../../domain/channels.ts';
import type { SeenConversation, SeenPerson } from '../../domain/seen-messages.ts';
import { cleanText } from '../../domain/text.ts';
import { asObject, type JsonObject } from '../json-object.ts';
import { asCount, asFlag, asId, asNumber, asText, asTime } from '../shared/json-fields.ts';
import { canonicalKey } from './ids.ts';
import { personOf } from './seen-people.ts';

const kinds = ['person', 'group', 'channel'] as const;

/** A `Chat`; null for what has no id. */
export function readChat(channel: Channel, entry: unknown): SeenConversation | null {
  const of = asObject(entry);
  const [id, providerId] = [asId(of?.['id']), asId(of?.['provider_id'])];
  if (!of || (id ?? providerId) === null) return null;
  const kind = kindOf(of, providerId ?? '');
  const other = kind === 'person' ? otherOf(channel, of) : null;
  const own = [id, providerId === null ? null : canonicalKey(channel, providerId)];
  // A person on WhatsApp has one chat, whatever it is addressed by; elsewhere a person may have several.
  const shared = channel === 'whatsapp' ? (other?.keys ?? []) : [];
  return {
    keys: [...new Set([...own, ...shared].filter((key) => key !== null))],
    kind,
    name: cleanText(asText(of['name'])),
    ...stateOf(of),
    lastMessageAt: asTime(of['timestamp']),
    ...(other && { attendees: [other] }),
    ...(kind !== 'person' && id !== null && { pictureSource: { picture: id } }),
  };
}

function kindOf(of: JsonObject, providerId: string): SeenConversation['kind'] {
  const said = kinds[asNumber(of['type']) ?? -1];
  if (said) return said;
  return providerId.endsWith('@g.us') ? 'group' : providerId.endsWith('@newsletter') ? 'channel' : 'person';
}

function otherOf(channel: Channel, of: JsonObject): SeenPerson | null {
  const id = asId(of['attendee_provider_id']);
  return id === null ? null : personOf(channel, id, false, [of['attendee_public_identifier']]);
}

type State = Pick<SeenConversation, 'unreadCount' | 'archived' | 'mutedUntil' | 'pinned' | 'readOnly'>;

function stateOf(of: JsonObject): State {
  const [archived, pinned] = [asFlag(of['archived']), asFlag(of['pinned'])];
  const [unreadCount, readOnly] = [asCount(of['unread_count']), asNumber(of['read_only'])];
  const mutedUntil = mutedUntilOf(of['muted_until']);
  return {
    ...(unreadCount !== null && { unreadCount }),
    ...(archived !== null && { archived }),
    ...(mutedUntil !== undefined && { mutedUntil }),
    ...(pinned !== null && { pinned }),
    ...(readOnly !== null && { readOnly: readOnly !== 0 }),
  };
}

/** -1 is for ever; a missing field says nothing. */
function mutedUntilOf(value: unknown): SeenConversation['mutedUntil'] {
  if (value === null) return null;
  if (asNumber(value) === -1) return 'forever';
  return asTime(value) ?? undefined;
}

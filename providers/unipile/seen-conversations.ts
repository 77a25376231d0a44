import type { Channel } from '../../domain/channels.ts';
import type { SeenConversation, SeenPerson } from '../../domain/seen-messages.ts';
import { epochMs } from '../../domain/webhook-events.ts';
import { asObject, type JsonObject } from '../json-object.ts';
import { countIn, eachOnce, flagIn, idIn, nameIn } from '../shared/told-values.ts';
import { canonicalKey } from './ids.ts';
import { personOf } from './seen-people.ts';

const kinds = ['person', 'group', 'channel'] as const;

/** A `Chat`; null for what has no id. */
export function readChat(channel: Channel, entry: unknown): SeenConversation | null {
  const of = asObject(entry);
  const [id, providerId] = [idIn(of?.['id']), idIn(of?.['provider_id'])];
  if (!of || (id ?? providerId) === null) return null;
  const kind = kindOf(of, providerId ?? '');
  const other = kind === 'person' ? otherOf(channel, of) : null;
  const own = [id, providerId === null ? null : canonicalKey(channel, providerId)];
  // A person on WhatsApp has one chat, whatever it is addressed by; elsewhere a person may have several.
  const shared = channel === 'whatsapp' ? (other?.keys ?? []) : [];
  return {
    keys: eachOnce([...own, ...shared]),
    kind,
    name: nameIn(of['name']),
    ...stateOf(of),
    lastMessageAt: epochMs(of['timestamp']),
    ...(other && { attendees: [other] }),
    ...(kind !== 'person' && id !== null && { pictureSource: { picture: id } }),
  };
}

function kindOf(of: JsonObject, providerId: string): SeenConversation['kind'] {
  const said = kinds[countIn(of['type']) ?? -1];
  if (said) return said;
  return providerId.endsWith('@g.us') ? 'group' : providerId.endsWith('@newsletter') ? 'channel' : 'person';
}

function otherOf(channel: Channel, of: JsonObject): SeenPerson | null {
  const id = idIn(of['attendee_provider_id']);
  return id === null ? null : personOf(channel, id, false, [of['attendee_public_identifier']]);
}

type State = Pick<SeenConversation, 'unreadCount' | 'archived' | 'mutedUntil' | 'pinned' | 'readOnly'>;

function stateOf(of: JsonObject): State {
  const [archived, pinned] = [flagIn(of['archived']), flagIn(of['pinned'])];
  const [unreadCount, readOnly] = [countIn(of['unread_count']), countIn(of['read_only'])];
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
  if (value === -1 || value === '-1') return 'forever';
  return epochMs(value) ?? undefined;
}

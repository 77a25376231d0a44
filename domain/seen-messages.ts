import type { DeliveryFailure, MessageContext, MessagePricing } from './message-extras.ts';

/** How far a provider says that a message came. `failed` loses to any proof of arrival. */
export type DeliveryStatus = 'failed' | 'pending' | 'sent' | 'delivered' | 'read' | 'played';

/**
 * A person as a provider shows them. `keys` are canonical identities where they parse (domain/identities.ts), else the
 * channel's own ids; the first is the one that the provider named them by. Equal keys of one account are one person.
 */
export interface SeenPerson {
  keys: readonly string[];
  name: string | null;
  /** E.164; null where the provider hides it or the channel has no numbers. */
  phone: string | null;
  /** Whether it is the account itself; null where the provider does not say. */
  isSelf: boolean | null;
  /** Expires. */
  pictureUrl: string | null;
  /** What `media.picture` needs to fetch it; null where the provider has none. */
  pictureSource: MediaSource | null;
}

/** A person of whom the ids alone are known. */
export const personWithKeys = (keys: readonly string[]): SeenPerson => ({
  keys,
  name: null,
  phone: null,
  isSelf: null,
  pictureUrl: null,
  pictureSource: null,
});

/**
 * A conversation as a provider shows it. `keys` are every id that it has there; equal keys of one account are one
 * conversation. A missing optional field: the provider does not say.
 */
export interface SeenConversation {
  keys: readonly string[];
  kind: 'person' | 'group' | 'channel';
  /** Null for most conversations with one person: they have that person's name. */
  name: string | null;
  unreadCount?: number;
  /** Marked as unread by hand. */
  markedUnread?: boolean;
  archived?: boolean;
  /** Milliseconds since the epoch; null is not muted. */
  mutedUntil?: number | 'forever' | null;
  pinned?: boolean;
  readOnly?: boolean;
  /** Milliseconds since the epoch. */
  lastMessageAt: number | null;
  /** May leave out the account itself. */
  attendees?: readonly SeenPerson[];
  /** Of a group's picture. */
  pictureSource?: MediaSource;
}

/** What stands in a conversation in place of a message that a person wrote. */
export type ConversationEvent =
  | 'reaction'
  | 'group_created'
  | 'name_changed'
  | 'participant_added'
  | 'participant_removed'
  | 'participant_left'
  | 'missed_voice_call'
  | 'missed_video_call'
  | 'id_changed'
  | 'unknown';

/** A reaction that stands; one that was removed is missing. */
export interface SeenReaction {
  emoji: string;
  by: SeenPerson;
}

/** A person that has read a message, by a key of `SeenPerson`; `at` in milliseconds since the epoch. */
export interface SeenRead {
  by: string;
  at: number | null;
}

/**
 * A message as a provider shows it. `keys` are every id that it has there; equal keys of one account are one message.
 * Times are the provider's, in milliseconds since the epoch.
 */
export interface SeenMessage {
  keys: readonly string[];
  conversationKeys: readonly string[];
  /** Null where the provider does not tell the sender. */
  direction: 'in' | 'out' | null;
  sender: SeenPerson | null;
  text: string | null;
  /** Null where the provider tells no time that can be read. */
  sentAt: number | null;
  /** Of an outgoing message; null for others. */
  status: DeliveryStatus | null;
  /** Present where it was edited; null where the provider does not say when. */
  editedAt?: number | null;
  deleted: boolean;
  /** A key of the message that is answered. */
  quotedKey: string | null;
  attachments: readonly SeenAttachment[];
  reactions: readonly SeenReaction[];
  /** The people that have read it, where the provider names them. */
  readBy?: readonly SeenRead[];
  event?: ConversationEvent;
  context?: MessageContext;
}

/** What a provider tells of the way of a message. */
export interface SeenDelivery {
  /** With the status `failed`. */
  failure?: DeliveryFailure;
  pricing?: MessagePricing;
}

/** A file or link of a message. Null: the provider does not say. */
export interface SeenAttachment {
  /** Unique within its message. */
  key: string;
  kind: 'image' | 'video' | 'audio' | 'document' | 'sticker' | 'link' | 'other';
  mimeType: string | null;
  /** Bytes. */
  size: number | null;
  fileName: string | null;
  /** Seconds. */
  duration: number | null;
  /** Pixels. */
  width: number | null;
  height: number | null;
  /** A voice note. */
  voice: boolean;
  /** The bytes can no longer be had. */
  unavailable: boolean;
  /** The provider's own address; null where there is none to call. */
  url: string | null;
  /** Milliseconds since the epoch. */
  urlExpiresAt: number | null;
  /** What `media.attachment` needs to fetch it; null where there are no bytes, such as for a link. */
  source: MediaSource | null;
}

/** Written and read by one provider's code alone. JSON; may hold the key of a file, so it is stored sealed. */
export type MediaSource = Readonly<Record<string, unknown>>;

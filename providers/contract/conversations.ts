import type { Channel } from '../../domain/channels.ts';
import type { SeenConversation, SeenMessage, SeenPerson } from '../../domain/seen-messages.ts';
import type { ProviderCall } from './call.ts';

/** A part of a list, newest first. */
export interface SeenPage<T> {
  items: T[];
  /** Entries that the provider delivered; more than `items` where some cannot be read. */
  delivered: number;
  /** Leads to older entries; null at the end. */
  cursor: string | null;
  /** Older entries are there, but the provider does not give them out. */
  isCut?: true;
}

/** The part of a history that is asked for: milliseconds since the epoch, both ends excluded. */
export interface Period {
  after?: number;
  before?: number;
}

/** One change of a conversation's state; `mutedUntil` is in milliseconds since the epoch, null unmutes. */
export type ConversationChange =
  | { read: boolean }
  | { archived: boolean }
  | { pinned: boolean }
  | { mutedUntil: number | 'forever' | null };

/** The names of the changes that a channel takes. */
type ConversationState = 'read' | 'archived' | 'pinned' | 'mutedUntil';

/**
 * Verbs over the conversations of a connected account. A conversation is named by its keys (`SeenConversation.keys`), or
 * those of them that are known. All throw `ProviderFailure`: `not_found` for a conversation that the provider does not
 * know, `rate_limited`, `login_lost`, `provider_unavailable`.
 */
export interface Conversations {
  /** The channels whose history the provider keeps, where that is not all of them. */
  history?: readonly Channel[];
  /**
   * Channels of which webhooks do not bring everything, and whose `list` shows in one call what is new since a time: the sweep
   * of platforms asks these for news. The others are compared now and then, in case that a webhook was lost.
   */
  polled?: readonly Channel[];
  /**
   * Conversations by their newest message, newest first; null is the first cursor. `since`, in milliseconds since the
   * epoch, leaves out those without a newer one. Absent where the provider keeps no history.
   */
  list?(call: ProviderCall, cursor: string | null, since?: number): Promise<SeenPage<SeenConversation>>;
  /** Messages of a conversation, newest first. A cursor keeps the period of the first page. Absent without history. */
  messages?(
    call: ProviderCall,
    conversation: readonly string[],
    cursor: string | null,
    period?: Period,
  ): Promise<SeenPage<SeenMessage>>;
  /** Null for a conversation that the provider does not know. */
  one(call: ProviderCall, conversation: readonly string[]): Promise<SeenConversation | null>;
  attendees(call: ProviderCall, conversation: readonly string[]): Promise<SeenPerson[]>;
  /**
   * A person who has written, by their keys; null where the channel shows nothing of them. Present where webhooks do not tell
   * names: those who have none are looked up.
   */
  profile?(call: ProviderCall, person: readonly string[]): Promise<SeenPerson | null>;
  /** The states that `setState` changes; any other is ours alone. */
  states: readonly ConversationState[];
  /** Safe to repeat. Absent where `states` is empty. */
  setState?(call: ProviderCall, conversation: readonly string[], change: ConversationChange): Promise<void>;
}

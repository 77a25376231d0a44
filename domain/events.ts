import type { AccountState, Who } from './accounts.ts';
import type { BulkKind, BulkState } from './bulk.ts';
import type { ConversationKind } from './conversations.ts';
import { whatToDo } from './failures.ts';
import type { MessageStatus } from './messages.ts';
import type { StepKind } from './steps.ts';
import type { SyncKind, SyncState } from './syncs.ts';

interface OfMessage {
  message_id: string;
  conversation_id: string;
}
interface OfStatus {
  state: AccountState;
  /** A code of `domain/failures.ts`. */
  reason: string | null;
  who: Who;
}
interface OfAttempt {
  /** The attempt's number. */
  attempt: number;
  operation: 'connect' | 'reconnect' | 'disconnect';
}
interface OfSync {
  sync_id: string;
  kind: SyncKind;
  state: SyncState;
}
interface OfBulk {
  bulk_id: string;
  operation: BulkKind;
  state: BulkState;
  counts: Record<string, number>;
}
/** Names of the fields that changed. */
interface Changed {
  changed: string[];
}

/** What each event of the feed tells: ids and words of ours, never personal data. The triggers of the database write it. */
export interface EventData {
  'account.created': { state: AccountState };
  'account.state_changed': OfStatus & { before: AccountState };
  'account.action_required': OfStatus & {
    /** The same was asked before. */
    reminder: boolean;
    /** How often the owner was reminded since the question. */
    reminders: number;
    what_to_do: string | null;
    /** When what works now ends without it, in RFC 3339; null where nothing works, or it does not end. */
    ends_at: string | null;
  };
  'account.updated': Changed;
  'account.attempt_started': OfAttempt;
  'account.step_changed': { attempt: number; step_id: string; kind: StepKind | null };
  'account.attempt_ended': OfAttempt & { state: 'succeeded' | 'failed' | 'cancelled'; reason: string | null };
  'conversation.created': { conversation_id: string; kind: ConversationKind };
  'conversation.updated': { conversation_id: string; unread_count: number } & Changed;
  'conversation.removed': { conversation_id: string };
  'message.created': OfMessage & { direction: 'in' | 'out' | null; status: MessageStatus; history: boolean };
  'message.updated': OfMessage & { status: MessageStatus } & Changed;
  'message.reactions_changed': OfMessage;
  'message.receipt': OfMessage & { attendee_id: string; status: MessageStatus };
  'message.removed': OfMessage;
  'contact.created': { contact_ids: string[] };
  'contact.updated': { contact_id: string } & Changed;
  'contact.removed': { contact_id: string };
  'sync.started': OfSync;
  'sync.updated': OfSync & { paused: boolean };
  'sync.ended': OfSync & { reason: string | null };
  'bulk.started': OfBulk;
  'bulk.updated': OfBulk;
  'bulk.ended': OfBulk & { reason: string | null };
}

export type EventType = keyof EventData;

/** What each type of event means, in a sentence. */
export const eventMeanings: Readonly<Record<EventType, string>> = {
  'account.created': 'An account was made.',
  'account.state_changed': 'The state, the reason or the side that must act is another one.',
  'account.action_required': 'The owner or the operator must act for the account to work, or to go on working.',
  'account.updated': 'Fields of an account changed.',
  'account.attempt_started': 'A login, a new login or a disconnection was requested.',
  'account.step_changed': 'An attempt has another step: read it, and show it to the owner.',
  'account.attempt_ended': 'An attempt has ended.',
  'conversation.created': 'A conversation was made.',
  'conversation.updated':
    'Fields of a conversation changed. Its last message and a growing unread_count follow from message.created.',
  'conversation.removed': 'A conversation is not here any more: it was joined with another one, purged or erased.',
  'message.created': 'A message was received, sent, queued or read from history.',
  'message.updated': 'A message was edited or deleted, or its status changed.',
  'message.reactions_changed': 'The reactions to a message changed.',
  'message.receipt': 'A message came to one person of a group, or was read there.',
  'message.removed': 'A message is not here any more: it was joined with another one, purged or erased.',
  'contact.created': 'Contacts were made: many in one event while an address book is read.',
  'contact.updated': 'Fields of a contact changed.',
  'contact.removed': 'A contact is not here any more: purged, erased, or over its retention.',
  'sync.started': 'A sync began.',
  'sync.updated': 'A sync was paused, or goes on.',
  'sync.ended': 'A sync has ended.',
  'bulk.started': 'A bulk operation began.',
  'bulk.updated': 'A bulk operation is further, was paused, or goes on.',
  'bulk.ended': 'A bulk operation has ended or was cancelled.',
};

export const eventTypes = Object.keys(eventMeanings) as EventType[];

/** The data of an event as it is told: what is to be done comes from the table of failures, not from the feed. */
export const toldData = (type: string, data: Record<string, unknown>): Record<string, unknown> =>
  type === 'account.action_required'
    ? { reminders: 0, ...data, what_to_do: whatToDo(typeof data['reason'] === 'string' ? data['reason'] : null) }
    : data;

/** The place of an event in the feed. Places sort: first by stamp, then by number. */
export interface FeedPlace {
  stamp: number;
  seq: number;
}

/** Whether the first place comes after the second. */
export const isAfter = (one: FeedPlace, other: FeedPlace): boolean =>
  one.stamp === other.stamp ? one.seq > other.seq : one.stamp > other.stamp;

const digits = 12;
const hex = (value: number): string => value.toString(16).padStart(digits, '0');

/** The id of the event at a place; ids sort as places do. */
export const eventId = ({ stamp, seq }: FeedPlace): string => `${hex(stamp)}-${hex(seq)}`;

/** The place of an event's id; null for what is none. */
export function placeOf(id: string): FeedPlace | null {
  const [, stamp = '', seq = ''] = /^([0-9a-f]{12})-([0-9a-f]{12})$/.exec(id) ?? [];
  return stamp ? { stamp: Number.parseInt(stamp, 16), seq: Number.parseInt(seq, 16) } : null;
}

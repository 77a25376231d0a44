import type { SeenContact } from './contacts.ts';
import { mostSubjects, subjectName, type People, type Subject } from './erasure.ts';
import type { DeliveryStatus, SeenConversation, SeenDelivery, SeenMessage, SeenPerson } from './seen-messages.ts';

/** Unconfirmed: the account moves only after the provider confirms it. */
export type AccountStatusKind =
  | 'created'
  | 'linked'
  | 'synced'
  | 'degraded'
  | 'needs_restart'
  | 'login_lost'
  | 'deleted'
  | 'unknown';

/** The message that an event is about. */
interface AboutMessage {
  /** Ids of the message: equal ids of one account are one message. */
  messageKeys: readonly string[];
  /** Ids of its conversation, where the event tells them. */
  conversationKeys: readonly string[];
  /** When it happened, in milliseconds since the epoch; null where the event does not tell. */
  at: number | null;
}

/** A conversation as an event of it tells it: what it leaves out stays as it was. */
export type ToldConversation = Pick<SeenConversation, 'keys'> &
  Partial<SeenConversation> & {
    /** Members that left, or were removed. */
    departed?: readonly SeenPerson[];
    /** When the person last did something that opens the conversation's window, in milliseconds since the epoch. */
    lastActionAt?: number;
  };

export type WebhookEvent = {
  /** Equal for equal deliveries, unique within a provider. */
  dedupeKey: string;
  /** The upstream login; null where the request's secret names it, or a group. */
  providerAccountId: string | null;
  /** In place of the login: it is an event of every account of this group (`AccountView.groups`). */
  providerGroup?: string;
  type: string;
  subjects: People;
} & (
  | { kind: 'account_status'; status: AccountStatusKind }
  /** `isHistory`: it is no news. */
  | { kind: 'message'; message: SeenMessage; conversation: ToldConversation; isHistory?: true }
  /** `by`: the attendee of a group that it reached; null where it is of the message as a whole. */
  | ({ kind: 'receipt'; status: DeliveryStatus | null; by: SeenPerson | null } & SeenDelivery & AboutMessage)
  /** All that the account had sent in a conversation of two up to a time, in milliseconds since the epoch, was delivered or read. */
  | { kind: 'watermark'; status: 'delivered' | 'read'; conversationKeys: readonly string[]; upTo: number }
  /** `emoji` is null where a reaction is removed; `by` where the event does not tell a person. */
  | ({ kind: 'reaction'; emoji: string | null; by: SeenPerson | null } & AboutMessage)
  | ({ kind: 'edit'; text: string | null } & AboutMessage)
  | ({ kind: 'delete' } & AboutMessage)
  /** `at`, here and of conversations: when it was sent, as of `AboutMessage`. */
  | { kind: 'contact'; contacts: readonly SeenContact[]; at: number | null }
  | { kind: 'conversation'; conversations: readonly ToldConversation[]; at: number | null }
  | { kind: 'other' }
  /** An item that cannot be read, beside others of its request. */
  | { kind: 'unreadable' }
);

export type WebhookEventKind = WebhookEvent['kind'];

type WithoutFrame<Event> = Event extends WebhookEvent
  ? Omit<Event, 'dedupeKey' | 'providerAccountId' | 'providerGroup' | 'type' | 'subjects'>
  : never;

/** What an event tells. */
export type EventContent = WithoutFrame<WebhookEvent>;

/** Events whose effect is on conversations and messages. */
export const messageKinds: readonly WebhookEventKind[] = [
  'message',
  'receipt',
  'watermark',
  'reaction',
  'edit',
  'delete',
  'conversation',
];

/** Whether the same event may come again and be news, since nothing in it tells one time from another. */
export const mayRecur = (event: WebhookEvent): boolean =>
  event.kind === 'account_status' || ((event.kind === 'contact' || event.kind === 'conversation') && event.at === null);

export interface ReadRequest {
  /** The body without the provider's keys. Parsing it again gives the same events. */
  body: string;
  /** Null for a body that is not the provider's. */
  events: readonly WebhookEvent[] | null;
  /** The people in a body without events, where spelled as JID or LID. */
  mentions: People;
}

export function peopleIn({ events, mentions }: ReadRequest): People {
  const found = new Map<string, Subject>();
  for (const people of events?.map(({ subjects }) => subjects) ?? [mentions]) {
    if (people === 'too_many') return people;
    for (const one of people) found.set(subjectName(one), one);
  }
  return found.size > mostSubjects ? 'too_many' : [...found.values()];
}

const endOfTime = Date.UTC(10_000, 0);
const isoTime = /^\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?)?(Z|[+-]\d\d:?\d\d)?$/;

/**
 * A time in seconds, milliseconds, digits or ISO 8601 as milliseconds since the epoch; without a zone it is UTC. Null for
 * anything else, for times before 1970 and after the year 9999.
 */
export function epochMs(value: unknown): number | null {
  const at = typeof value === 'string' ? msOfText(value) : typeof value === 'number' ? msOfNumber(value) : Number.NaN;
  return at > 0 && at < endOfTime ? at : null;
}

function msOfText(text: string): number {
  if (text.length > 40) return Number.NaN;
  if (/^\d{9,14}$/.test(text)) return msOfNumber(Number(text));
  const [iso, zone] = isoTime.exec(text) ?? [];
  return iso ? Date.parse(zone || iso.length === 10 ? iso : `${iso}Z`) : Number.NaN;
}

/** Seconds reach 11 digits in the year 5138. */
const msOfNumber = (number: number): number => Math.round(number < 1e11 ? number * 1000 : number);

import type { SeenContact } from './contacts.ts';
import { mostSubjects, subjectName, type People, type Subject } from './erasure.ts';

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

/** `failed` loses to any proof of arrival. */
export type DeliveryStatus = 'failed' | 'pending' | 'sent' | 'delivered' | 'read' | 'played';

interface MessageRef {
  /** All ids of the message: equal ids of one account are one message. */
  messageIds: readonly string[];
  conversation: string | null;
  /** Milliseconds since the epoch. */
  at: number | null;
}

export type WebhookEvent = {
  /** Equal for equal deliveries, unique within a provider. */
  dedupeKey: string;
  /** The upstream login; null where the request's secret names it. */
  providerAccountId: string | null;
  type: string;
  subjects: People;
} & (
  | { kind: 'account_status'; status: AccountStatusKind }
  | ({ kind: 'message'; sender: string | null; fromMe: boolean | null; text: string | null } & MessageRef)
  | ({ kind: 'receipt'; status: DeliveryStatus | null; by: string | null } & MessageRef)
  /** `emoji` is null where a reaction is removed. */
  | ({ kind: 'reaction'; emoji: string | null; by: string | null } & MessageRef)
  | ({ kind: 'edit'; text: string | null } & MessageRef)
  | ({ kind: 'delete' } & MessageRef)
  | { kind: 'contact'; contacts: readonly SeenContact[] }
  | { kind: 'chat'; conversations: readonly string[] }
  | { kind: 'other' }
);

export type WebhookEventKind = WebhookEvent['kind'];

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

/** A time in seconds, milliseconds or text as milliseconds since the epoch; null for anything else. */
export function epochMs(value: unknown): number | null {
  const given = typeof value === 'string' && /^\d{9,14}$/.test(value) ? Number(value) : value;
  if (typeof given === 'string') {
    const at = given.length <= 40 ? Date.parse(given) : Number.NaN;
    return Number.isNaN(at) ? null : at;
  }
  if (typeof given !== 'number' || !Number.isFinite(given) || given <= 0) return null;
  // Seconds reach 11 digits in the year 5138.
  return given < 1e11 ? Math.round(given * 1000) : Math.round(given);
}

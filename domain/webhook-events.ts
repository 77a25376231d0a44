import type { SeenContact } from './contacts.ts';
import { mostSubjects, subjectName, type People, type Subject } from './erasure.ts';

/** What an account-status event claims. The account moves only after the provider confirms it. */
export type AccountStatusKind =
  | 'created'
  | 'linked'
  | 'synced'
  | 'degraded'
  | 'needs_restart'
  | 'login_lost'
  | 'deleted'
  | 'unknown';

/** Where a message has arrived; `failed` loses to any proof of arrival. */
export type DeliveryStatus = 'failed' | 'pending' | 'sent' | 'delivered' | 'read' | 'played';

/** A message as the provider names it. */
interface MessageRef {
  /** Every id that the provider gives it: equal ids of one account are one message. */
  messageIds: readonly string[];
  /** The provider's id of the conversation. */
  conversation: string | null;
  /** The provider's own time, in milliseconds since the epoch; null where it gives none. */
  at: number | null;
}

/** One event of a webhook request, in our words. */
export type WebhookEvent = {
  /** Equal for equal deliveries, and unique within a provider. */
  dedupeKey: string;
  /** The upstream login; null where the request's secret names it. */
  providerAccountId: string | null;
  /** The provider's own name of the event. */
  type: string;
  /** The people whom the event speaks of. */
  subjects: People;
} & (
  | { kind: 'account_status'; status: AccountStatusKind }
  | ({ kind: 'message'; sender: string | null; fromMe: boolean | null; text: string | null } & MessageRef)
  | ({ kind: 'receipt'; status: DeliveryStatus | null; by: string | null } & MessageRef)
  /** `emoji` is null where a reaction is taken back. */
  | ({ kind: 'reaction'; emoji: string | null; by: string | null } & MessageRef)
  | ({ kind: 'edit'; text: string | null } & MessageRef)
  | ({ kind: 'delete' } & MessageRef)
  | { kind: 'contact'; contacts: readonly SeenContact[] }
  | { kind: 'chat'; conversations: readonly string[] }
  /** Of a type without meaning to us yet. */
  | { kind: 'other' }
);

export type WebhookEventKind = WebhookEvent['kind'];

/** A webhook request as its provider reads it, once. */
export interface ReadRequest {
  /** The body as it may be kept: without the keys that the provider puts into it. Reading it again gives the same. */
  body: string;
  /** Null for a body that is not the provider's. */
  events: readonly WebhookEvent[] | null;
  /** The people whom a body without events speaks of, as far as they are spelled as JID or LID. */
  mentions: People;
}

/** Everybody whom a request speaks of. */
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

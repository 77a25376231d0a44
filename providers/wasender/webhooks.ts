import { createHash } from 'node:crypto';
import { SubjectSet, type People } from '../../domain/erasure.ts';
import type { AccountStatusKind, EventContent, ReadRequest, WebhookEvent } from '../../domain/webhook-events.ts';
import { asList, asObject, parseObject, type JsonObject } from '../json-object.ts';
import type { WebhookRequest } from '../provider.ts';
import { readContact } from './contacts-entry.ts';
import { field, text } from './fields.ts';
import { peopleOf } from './people.ts';
import { word } from './account-object.ts';
import { readTime } from './webhooks-content.ts';
import { conversationsIn } from './webhooks-conversations.ts';
import { deleteContent, messageContent, reactionContent, receiptContent, type Item } from './webhooks-messages.ts';
import { withoutKeys } from './without-keys.ts';

/**
 * The events of a request, one for each message, receipt or reaction in it. The secret names the session: `sessionId`
 * is the session's API key in some events and missing in others, so it is read nowhere.
 */
export function readWebhook({ raw }: WebhookRequest): ReadRequest {
  const body = withoutKeys(raw.toString('utf8'));
  const parsed = parseObject(body);
  const type = (text(parsed, 'event') ?? '').slice(0, 61);
  if (parsed && /^[a-z][a-z0-9_.-]{0,59}$/i.test(type))
    return { body, events: eventsOf(parsed, type, body), mentions: [] };
  const people = new SubjectSet();
  people.addMentions(parsed ?? body);
  return { body, events: null, mentions: people.people() };
}

const words = new Map<string, AccountStatusKind>([
  ['connected', 'linked'],
  ['connecting', 'degraded'],
  ['need_scan', 'login_lost'],
  ['need_passkey', 'login_lost'],
  ['disconnected', 'login_lost'],
  ['logged_out', 'login_lost'],
  ['expired', 'login_lost'],
]);

function eventsOf(body: JsonObject, type: string, kept: string): WebhookEvent[] {
  // No event has an id, and times have no one unit: equal bodies are the same events.
  const bodyDigest = createHash('sha256').update(kept).digest('hex');
  const data = field(body, 'data');
  if (type === 'session.status') {
    const said = word(text(asObject(data), 'status') ?? text(body, 'status'));
    const known = words.get(said);
    const status = known ?? 'unknown';
    const typed = `session.status.${known ? said : 'unknown'}`;
    return [{ kind: 'account_status', status, ...common(typed, `status:${bodyDigest}`, []) }];
  }
  const items = itemsOf(type, data);
  const sentAt = readTime(field(body, 'timestamp'));
  return items.map((item, n) => {
    // What stands beside the items belongs to the first.
    const people = peopleOf(item, n ? item : body);
    return { ...contentOf(type, item, sentAt), ...common(type, `${type}:${bodyDigest}${n ? `:${n}` : ''}`, people) };
  });
}

const common = (type: string, dedupeKey: string, subjects: People) => ({
  type,
  dedupeKey,
  subjects,
  providerAccountId: null,
});

/** The events that are known: how their items are read, and where those stand. */
const readers: Readonly<Record<string, { under?: string; read: (item: Item) => EventContent }>> = {
  'messages.received': { under: 'messages', read: messageContent },
  'messages-personal.received': { under: 'messages', read: messageContent },
  'messages-group.received': { under: 'messages', read: messageContent },
  'messages-newsletter.received': { under: 'messages', read: messageContent },
  'messages.upsert': { under: 'messages', read: messageContent },
  'message.sent': { under: 'messages', read: messageContent },
  'messages.update': { read: receiptContent },
  'message-receipt.update': { read: receiptContent },
  'messages.reaction': { read: reactionContent },
  'messages.delete': { under: 'keys', read: deleteContent },
};

/** Events of lists that stay together. A chat that the phone deletes tells nothing of a conversation. */
const listReaders: Readonly<Record<string, 'contact' | 'conversation'>> = {
  'contacts.upsert': 'contact',
  'contacts.update': 'contact',
  'chats.upsert': 'conversation',
  'chats.update': 'conversation',
  'groups.upsert': 'conversation',
  'groups.update': 'conversation',
  'group-participants.update': 'conversation',
};

const known = <T>(table: Readonly<Record<string, T>>, name: string): T | undefined =>
  Object.hasOwn(table, name) ? table[name] : undefined;

/** An event is of one item, or of a list of them: the same event comes in both shapes. */
function itemsOf(type: string, data: unknown): readonly unknown[] {
  const reader = known(readers, type);
  if (!reader) return [data];
  const items = asList((reader.under === undefined ? undefined : field(asObject(data), reader.under)) ?? data);
  return items.length ? items : [data];
}

function contentOf(type: string, item: unknown, sentAt: number | null): EventContent {
  const reader = known(readers, type);
  if (reader) return reader.read({ type, of: asObject(item), sentAt });
  const kind = known(listReaders, type);
  if (kind === 'contact') return { kind, contacts: asList(item).flatMap((one) => readContact(one) ?? []), at: sentAt };
  return kind ? { kind, conversations: conversationsIn(type, item), at: sentAt } : { kind: 'other' };
}

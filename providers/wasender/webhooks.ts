import { createHash } from 'node:crypto';
import { SubjectSet, type People } from '../../domain/erasure.ts';
import {
  epochMs,
  type AccountStatusKind,
  type DeliveryStatus,
  type ReadRequest,
  type WebhookEvent,
} from '../../domain/webhook-events.ts';
import { asList, asObject, parseObject, type JsonObject } from '../json-object.ts';
import type { WebhookRequest } from '../provider.ts';
import { readContact } from './contacts-entry.ts';
import { field, text } from './fields.ts';
import { peopleOf } from './people.ts';
import { word } from './account-object.ts';
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
  return items.map((item, n) => {
    // What stands beside the items belongs to the first.
    const people = peopleOf(item, n ? item : body);
    return { ...contentOf(type, item), ...common(type, `${type}:${bodyDigest}${n ? `:${n}` : ''}`, people) };
  });
}

const common = (type: string, dedupeKey: string, subjects: People) => ({
  type,
  dedupeKey,
  subjects,
  providerAccountId: null,
});

const kinds: Readonly<Record<string, WebhookEvent['kind']>> = {
  'messages.received': 'message',
  'messages-personal.received': 'message',
  'messages-group.received': 'message',
  'messages-newsletter.received': 'message',
  'messages.upsert': 'message',
  'message.sent': 'message',
  'messages.update': 'receipt',
  'message-receipt.update': 'receipt',
  'messages.reaction': 'reaction',
  'messages.delete': 'delete',
  'contacts.upsert': 'contact',
  'contacts.update': 'contact',
  'chats.upsert': 'chat',
  'chats.update': 'chat',
  'chats.delete': 'chat',
};

const kindOf = (type: string): WebhookEvent['kind'] =>
  Object.hasOwn(kinds, type) ? (kinds[type] ?? 'other') : 'other';

/** An event is of one item, or of a list of them: the same event comes in both shapes. Lists of contacts stay together. */
function itemsOf(type: string, data: unknown): readonly unknown[] {
  const object = asObject(data);
  const of = (name: string): readonly unknown[] => asList(field(object, name) ?? data);
  const items: Partial<Record<WebhookEvent['kind'], () => readonly unknown[]>> = {
    message: () => of('messages'),
    receipt: () => asList(data),
    reaction: () => asList(data),
    delete: () => of('keys'),
  };
  const found = items[kindOf(type)]?.() ?? [];
  return found.length ? found : [data];
}

type Content<K> = K extends { kind: string } ? Omit<K, 'type' | 'dedupeKey' | 'providerAccountId' | 'subjects'> : never;

function contentOf(type: string, item: unknown): Content<WebhookEvent> {
  const of = asObject(item);
  const kind = kindOf(type);
  const key = asObject(field(of, 'key')) ?? of;
  const id = text(key, 'id');
  const message = {
    messageIds: id === null ? [] : [id],
    conversation: text(key, 'remoteJid'),
    at: epochMs(field(of, 'messageTimestamp') ?? field(asObject(field(of, 'receipt')), 't')),
  };
  const fromMe = field(key, 'fromMe');
  const sender = text(key, 'participant') ?? text(key, 'remoteJid');
  switch (kind) {
    case 'message':
      return {
        kind,
        ...message,
        sender: fromMe === true ? null : sender,
        fromMe: typeof fromMe === 'boolean' ? fromMe : null,
        text: text(of, 'messageBody'),
      };
    case 'receipt': {
      const receipt = asObject(field(of, 'receipt'));
      const said = text(receipt, 'status') ?? text(asObject(field(of, 'update')), 'status');
      return { kind, ...message, status: deliveryOf(said), by: text(receipt, 'userJid') };
    }
    case 'reaction': {
      const reaction = asObject(field(of, 'reaction'));
      const by = asObject(field(reaction, 'key'));
      return {
        kind,
        ...message,
        emoji: text(reaction, 'text'),
        by: text(by, 'participant') ?? text(by, 'remoteJid'),
      };
    }
    case 'delete':
      return { kind, ...message };
    case 'contact':
      return { kind, contacts: asList(item).flatMap((one) => readContact(one) ?? []) };
    case 'chat':
      return { kind, conversations: asList(item).flatMap((one) => conversationOf(one) ?? []) };
    default:
      return { kind: 'other' };
  }
}

const conversationOf = (entry: unknown): string | null =>
  typeof entry === 'string' ? entry : text(asObject(entry), 'id');

/** By the number that WASender documents. */
const deliveries: readonly DeliveryStatus[] = ['failed', 'pending', 'sent', 'delivered', 'read', 'played'];

function deliveryOf(said: string | null): DeliveryStatus | null {
  const status = said?.slice(0, 20).toLowerCase() ?? '';
  if (/^[0-5]$/.test(status)) return deliveries[Number(status)] ?? null;
  return status === 'error' ? 'failed' : (deliveries.find((one) => one === status) ?? null);
}

import { createHash } from 'node:crypto';
import { SubjectSet } from '../../domain/erasure.ts';
import { epochMs, type AccountStatusKind, type ReadRequest, type WebhookEvent } from '../../domain/webhook-events.ts';
import { asObject, parseObject, type JsonObject } from '../json-object.ts';
import type { WebhookRequest } from '../provider.ts';
import { peopleOf } from './people.ts';

/** A request holds one event. The body is JSON whatever its content type says. */
export function readWebhook({ raw }: WebhookRequest): ReadRequest {
  const text = raw.toString('utf8');
  const body = parseObject(text);
  const event = body && eventOf(body, createHash('sha256').update(raw).digest('hex'));
  if (event) return { body: text, events: [event], mentions: [] };
  const people = new SubjectSet();
  people.addMentions(body ?? decoded(text));
  return { body: text, events: null, mentions: people.people() };
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

const words = new Map<string, AccountStatusKind>([
  ['CREATION_SUCCESS', 'created'],
  ['OK', 'linked'],
  ['RECONNECTED', 'linked'],
  ['SYNC_SUCCESS', 'synced'],
  ['CONNECTING', 'degraded'],
  ['CREDENTIALS', 'login_lost'],
  ['PERMISSIONS', 'login_lost'],
  ['ERROR', 'needs_restart'],
  ['STOPPED', 'needs_restart'],
  ['DELETED', 'deleted'],
]);

const text = (value: unknown): string | null => (typeof value === 'string' && value !== '' ? value : null);

function eventOf(body: JsonObject, bodyDigest: string): WebhookEvent | null {
  // Account status comes wrapped or flat.
  const status =
    asObject(body['AccountStatus']) ?? (isFlatStatus(body) ? { ...body, ...asObject(body['data']) } : null);
  if (status) return statusEvent(status, bodyDigest);
  const type = text(body['event']);
  if (type === null) return null;
  const [account, message, time] = ['account_id', 'message_id', 'timestamp'].map((name) => text(body[name]) ?? null);
  // A message is new once. Later events of it may carry the message's own time: only the whole body tells them apart.
  const once = message !== null && kinds[type] === 'message';
  return {
    type,
    providerAccountId: account ?? null,
    dedupeKey: once ? [type, account, message, time].join(':') : `${type}:${bodyDigest}`,
    subjects: peopleOf(body),
    ...contentOf(type, body),
  };
}

/** UniPile gives neither an id nor a time with a status: intake tells a repeat from the same status reported again. */
function statusEvent(status: JsonObject, bodyDigest: string): WebhookEvent {
  const word = wordOf(status);
  return {
    kind: 'account_status',
    type: `account_status.${word.toLowerCase() || 'unknown'}`,
    status: words.get(word) ?? 'unknown',
    providerAccountId: text(status['account_id']),
    dedupeKey: `status:${bodyDigest}`,
    subjects: [],
  };
}

/** The state's word in capitals, or nothing where there is none: a message's text is no word. */
const wordOf = (status: JsonObject): string => {
  const said = (text(status['message']) ?? text(status['status']) ?? '').slice(0, 41).toUpperCase();
  return /^[A-Z_]{1,40}$/.test(said) ? said : '';
};

/** Some senders leave the wrapper out; then an account and a word, but no event and no message, tell it. */
const isFlatStatus = (body: JsonObject): boolean =>
  body['event'] === 'account_status' ||
  (text(body['event']) === null &&
    text(body['account_id']) !== null &&
    text(body['message_id']) === null &&
    wordOf(body) !== '');

const kinds: Readonly<Record<string, 'message' | 'read' | 'delivered' | 'reaction' | 'edit' | 'delete'>> = {
  message_received: 'message',
  'message.received': 'message',
  new_message: 'message',
  message_read: 'read',
  message_delivered: 'delivered',
  message_reaction: 'reaction',
  message_edited: 'edit',
  message_deleted: 'delete',
};

type Content<K> = K extends { kind: string } ? Omit<K, 'type' | 'dedupeKey' | 'providerAccountId' | 'subjects'> : never;

function contentOf(type: string, body: JsonObject): Content<WebhookEvent> {
  const kind = Object.hasOwn(kinds, type) ? kinds[type] : undefined;
  const message = {
    messageIds: ['provider_message_id', 'message_id'].flatMap((name) => text(body[name]) ?? []),
    conversation: text(body['provider_chat_id']) ?? text(body['chat_id']),
    at: epochMs(body['timestamp']),
  };
  const attendee = (name: string): string | null => text(asObject(body[name])?.['attendee_provider_id']);
  const said = text(body['message']);
  switch (kind) {
    case 'message': {
      const fromMe = typeof body['is_sender'] === 'boolean' ? body['is_sender'] : null;
      return { kind, ...message, sender: attendee('sender'), fromMe, text: said };
    }
    case 'read':
    case 'delivered':
      return { kind: 'receipt', ...message, status: kind, by: null };
    case 'reaction':
      return { kind, ...message, emoji: text(body['reaction']), by: attendee('reaction_sender') };
    case 'edit':
      return { kind, ...message, text: said };
    case 'delete':
      return { kind, ...message };
    default:
      return { kind: 'other' };
  }
}

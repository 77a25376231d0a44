import { createHash } from 'node:crypto';
import { SubjectSet } from '../../domain/erasure.ts';
import type { EventContent, ReadRequest, WebhookEvent } from '../../domain/webhook-events.ts';
import { asObject, parseJson, type JsonObject } from '../json-object.ts';
import type { WebhookRequest } from '../provider.ts';
import { emojiIn, messageTextIn, textIn } from '../shared/told-values.ts';
import { peopleOf } from './people.ts';
import { namesMessage, readersOf, readTold, seenConversation, seenMessage } from './webhooks-message.ts';
import { readStatus } from './webhooks-status.ts';

/** A request holds one event, or a list of them. The body is JSON whatever its content type says. */
export function readWebhook({ raw }: WebhookRequest): ReadRequest {
  const body = raw.toString('utf8');
  const parsed = parseJson(body);
  const events = Array.isArray(parsed) ? eventsOfList(parsed) : eventsOf(parsed, digest(raw));
  if (events) return { body, events, mentions: [] };
  const people = new SubjectSet();
  people.addMentions(parsed ?? decoded(body));
  return { body, events: null, mentions: people.people() };
}

const digest = (content: Buffer | string): string => createHash('sha256').update(content).digest('hex');

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** Null for a list without any event; an item that is none is kept beside the others. */
function eventsOfList(items: readonly unknown[]): WebhookEvent[] | null {
  const read = items.map((item) => {
    const itemDigest = digest(JSON.stringify(item));
    return { item, itemDigest, events: eventsOf(item, itemDigest) };
  });
  if (!read.some(({ events }) => events !== null)) return null;
  return read.flatMap(({ item, itemDigest, events }) => events ?? [unknownItem(item, itemDigest)]);
}

function unknownItem(item: unknown, itemDigest: string): WebhookEvent {
  const people = new SubjectSet();
  people.addMentions(item);
  const dedupeKey = `unknown:${itemDigest}`;
  return { kind: 'other', type: 'unknown', providerAccountId: null, dedupeKey, subjects: people.people() };
}

function eventsOf(value: unknown, bodyDigest: string): WebhookEvent[] | null {
  const body = asObject(value);
  if (!body) return null;
  const status = readStatus(body, bodyDigest);
  if (status) return [status];
  const type = textIn(body['event']);
  if (type === null) return null;
  const [account, message, time] = ['account_id', 'message_id', 'timestamp'].map((name) => textIn(body[name]));
  const kind = kindOf(type);
  // A message is new once. Later events of it may carry the message's own time: only the whole body tells them apart.
  const once = (message ?? null) !== null && kind === 'message';
  const dedupeKey = once ? [type, account, message, time].join(':') : `${type}:${bodyDigest}`;
  const common = { type, providerAccountId: account ?? null };
  // The people of a body belong to its first event.
  return contentsOf(kind, body).map((content, n) =>
    n
      ? { ...common, dedupeKey: `${dedupeKey}:${n}`, subjects: [], ...content }
      : { ...common, dedupeKey, subjects: peopleOf(body), ...content },
  );
}

type Kind = 'message' | 'read' | 'delivered' | 'reaction' | 'edit' | 'delete';

const kinds: Readonly<Record<string, Kind>> = {
  message_received: 'message',
  'message.received': 'message',
  new_message: 'message',
  message_read: 'read',
  message_delivered: 'delivered',
  message_reaction: 'reaction',
  message_edited: 'edit',
  message_deleted: 'delete',
};

const kindOf = (type: string): Kind | undefined => (Object.hasOwn(kinds, type) ? kinds[type] : undefined);

/** What a body tells, in one event; in several where several people have read a message. */
function contentsOf(kind: Kind | undefined, body: JsonObject): EventContent[] {
  if (!kind) return [{ kind: 'other' }];
  const told = readTold(body);
  const { messageKeys, conversationKeys, at, people } = told;
  if (!namesMessage(told)) return [{ kind: 'other' }];
  const about = { messageKeys, conversationKeys, at };
  switch (kind) {
    case 'message':
      if (!conversationKeys.length) return [{ kind: 'other' }];
      return [{ kind, message: seenMessage(told), conversation: seenConversation(told) }];
    case 'read':
      return readersOf(told).map((reader) => ({ kind: 'receipt', ...about, status: kind, ...reader }));
    case 'delivered':
      return [{ kind: 'receipt', ...about, status: kind, by: null }];
    case 'reaction':
      return [{ kind, ...about, emoji: emojiIn(body['reaction']), by: people.actor }];
    case 'edit':
      return [{ kind, ...about, text: messageTextIn(body['message']) }];
    case 'delete':
      return [{ kind, ...about }];
  }
}

import type { SeenMessage } from '../../domain/seen-messages.ts';
import { epochMs, type EventContent } from '../../domain/webhook-events.ts';
import { asList, asObject, type JsonObject } from '../json-object.ts';
import { emojiIn, idIn } from '../shared/told-values.ts';
import { at, digestOf, type ToldEvent } from './webhooks-item.ts';
import { readStatus } from './webhooks-status.ts';
import { readWhatsappContent } from './webhooks-whatsapp-content.ts';
import { conversationOf, peopleIn, personOfMessage, type People } from './webhooks-whatsapp-people.ts';

/** Lists of messages by field, and by the list within its value. */
const fields = new Set(['messages', 'standby', 'smb_message_echoes', 'history']);
export const isOfMessages = (field: string): boolean => fields.has(field);

/** Whose messages a value holds. */
interface Frame {
  field: string;
  /** The number's id, which is the login. */
  login: string | null;
  /** The business's own number as digits; null where it is not told. */
  own: string | null;
  people: People;
}

/** Messages, statuses and errors of one number; each is an event of its own. */
export function readMessages(field: string, value: JsonObject): ToldEvent[] {
  const metadata = at(value, 'metadata');
  const own = idIn(metadata?.['display_phone_number'])?.replace(/\D/g, '') ?? null;
  const frame: Frame = { field, login: idIn(metadata?.['phone_number_id']), own, people: peopleIn(value['contacts']) };
  const messages = [...asList(value['messages']), ...asList(value['message_echoes'])];
  const told = [
    ...messages.flatMap((one) => tryRead(frame, 'message', one, (of) => readMessage(frame, of, null))),
    ...asList(value['statuses']).flatMap((one) => tryRead(frame, 'status', one, (of) => [readStatus(of)])),
    ...asList(value['history']).flatMap((chunk) => readHistory(frame, asObject(chunk))),
  ];
  const events = told.length
    ? told
    : [{ type: `whatsapp.${value['errors'] ? 'errors' : field}`, key: null, content: other }];
  return events.map((event) => ({ ...event, login: frame.login }));
}

const other: EventContent = { kind: 'other' };

/** An item of an unknown shape must not lose the others of its value. */
function tryRead({ field }: Frame, name: string, value: unknown, read: (of: JsonObject) => ToldEvent[]): ToldEvent[] {
  const of = asObject(value);
  try {
    if (of && idIn(of['id']) !== null) return read(of);
  } catch {
    // Kept below, as it was sent.
  }
  const key = `unreadable:${field}:${name}:${digestOf(value)}`;
  return [{ type: `whatsapp.${name}.unreadable`, key, content: { kind: 'unreadable' } }];
}

/** A part of the history that a number brings from its app: no news. */
function readHistory(frame: Frame, chunk: JsonObject | null): ToldEvent[] {
  return asList(chunk?.['threads']).flatMap((thread) => {
    const of = asObject(thread);
    const person = idIn(of?.['id']);
    return asList(of?.['messages']).flatMap((one) =>
      tryRead(frame, 'message', one, (message) => readMessage(frame, message, person)),
    );
  });
}

/** `thread`: the person of the history that holds it. */
function readMessage(frame: Frame, of: JsonObject, thread: string | null): ToldEvent[] {
  const id = idIn(of['id']) ?? '';
  const isOwn = isFromUs(frame, of);
  const partner = personOfMessage(frame.people, of, isOwn, thread);
  const conversation = conversationOf(of, partner);
  const sentAt = epochMs(of['timestamp']);
  const people = partner.keys;
  const content = readWhatsappContent(of);
  const about = { conversationKeys: conversation.keys, at: sentAt };
  const named = (kind: string, key: string, one: EventContent): ToldEvent[] => [
    { type: `whatsapp.${kind}`, key, content: one, people },
  ];
  const sender = isOwn ? null : partner.person;
  switch (content.kind) {
    case 'reaction':
      return [
        ...named('reaction', `${id}:reaction`, {
          kind: 'reaction',
          ...about,
          messageKeys: [content.of],
          emoji: emojiIn(content.emoji),
          by: sender,
        }),
        ...(isOwn || sentAt === null || !conversation.keys.length
          ? []
          : named('action', `${id}:action`, {
              kind: 'conversation',
              conversations: [{ ...conversation, lastActionAt: sentAt }],
              at: sentAt,
            })),
      ];
    case 'edit':
      return named('edit', `${id}:edit`, { kind: 'edit', ...about, messageKeys: [content.of], text: content.text });
    case 'revoke':
      return named('revoke', `${id}:revoke`, { kind: 'delete', ...about, messageKeys: [content.of] });
    case 'message': {
      if (!conversation.keys.length) return named('message.unknown_person', `${id}:message`, other);
      const { kind: _, status, ...said } = content;
      const message: SeenMessage = {
        keys: [id],
        conversationKeys: conversation.keys,
        direction: isOwn ? 'out' : 'in',
        sender,
        sentAt,
        status: isOwn ? (status ?? 'sent') : null,
        deleted: false,
        reactions: [],
        ...said,
      };
      const isHistory = frame.field === 'history';
      return named(isOwn ? 'message.echo' : 'message', `${id}:message`, {
        kind: 'message',
        message,
        conversation,
        ...(isHistory && { isHistory }),
      });
    }
  }
}

/** Echoes are of the number itself; in a history the sender tells. */
const isFromUs = ({ field, own }: Frame, of: JsonObject): boolean =>
  field === 'smb_message_echoes' || (own !== null && idIn(of['from'])?.replace(/\D/g, '') === own);

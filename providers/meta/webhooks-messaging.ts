import type { SeenMessage } from '../../domain/seen-messages.ts';
import { epochMs } from '../../domain/webhook-events.ts';
import { asList, asObject, type JsonObject } from '../json-object.ts';
import { eachOnce, emojiIn, flagIn, idIn, messageTextIn, textIn } from '../shared/told-values.ts';
import { at, personOf, referenceIn, type Item, type ToldEvent } from './webhooks-item.ts';
import { attachmentsOf, contextOf, templateTextIn } from './webhooks-content.ts';

/** Who and when of an item: `person` is the one at the other end. */
interface Frame {
  item: Item;
  of: JsonObject;
  account: string;
  person: string;
  isOwn: boolean;
  /** Milliseconds since the epoch. */
  sentAt: number | null;
}

type Reader = (frame: Frame, of: JsonObject) => ToldEvent[];

/** By the key that an item has beside its sender, recipient and time. */
const readers: Readonly<Record<string, Reader>> = {
  message: readMessage,
  message_edit: readEdit,
  reaction: readReaction,
  read: readRead,
  delivery: readDelivery,
  postback: readPostback,
  referral: opening,
  optin: opening,
};

/** An item of `messaging`, or of `standby`: there another app answers the conversation. */
export function readMessaging(item: Item, of: JsonObject): ToldEvent[] {
  const account = item.account ?? '';
  const [sender, recipient] = [idIn(at(of, 'sender')?.['id']), idIn(at(of, 'recipient')?.['id'])];
  const isOwn = flagIn(at(of, 'message')?.['is_echo']) === true || sender === account;
  const person = isOwn ? recipient : sender;
  const name = Object.keys(readers).find((one) => asObject(of[one]) !== null);
  const told = name === undefined ? null : asObject(of[name]);
  if (name === undefined || !told || person === null) return [otherItem(item, of, [sender, recipient])];
  const frame: Frame = { item, of, account, person, isOwn, sentAt: epochMs(of['timestamp']) };
  const events = readers[name]?.(frame, told) ?? [];
  return (events.length ? events : [otherItem(item, of, [])]).map((event) => ({ ...event, people: [person] }));
}

const framed = new Set(['sender', 'recipient', 'timestamp']);

/** Kept as it is: hand-overs of a conversation, account links, and what comes new. */
function otherItem(item: Item, of: JsonObject, people: readonly (string | null)[]): ToldEvent {
  const named = Object.keys(of).find((one) => !framed.has(one)) ?? '';
  const name = /^[a-z_]{1,60}$/.test(named) ? named : 'unknown';
  const others = people.filter((one) => one !== item.account);
  return { type: typed(item, name), key: null, content: { kind: 'other' }, people: others };
}

const typed = ({ object, list }: Item, name: string): string =>
  `${object}.${list === 'standby' ? 'standby.' : ''}${name}`;

function readMessage(frame: Frame, of: JsonObject): ToldEvent[] {
  const { item, sentAt, person } = frame;
  const mid = idIn(of['mid']);
  if (mid === null) return [];
  if (flagIn(of['is_deleted']) === true) {
    const content = { kind: 'delete', messageKeys: [mid], conversationKeys: [person], at: sentAt } as const;
    return [{ type: typed(item, 'message.deleted'), key: `${mid}:delete`, content }];
  }
  const attachments = attachmentsOf(of['attachments'], mid);
  const text = messageTextIn(of['text']) ?? templateTextIn(of['attachments']);
  const message = messageOf(frame, eachOnce([mid, frame.isOwn ? referenceIn(of['metadata']) : null]), text, {
    quotedKey: idIn(at(of, 'reply_to')?.['mid']),
    attachments,
    ...contextOf(of),
  });
  const type = frame.isOwn ? 'message.echo' : 'message';
  return [{ type: typed(item, type), key: `${mid}:message`, content: { kind: 'message', ...message } }];
}

/** A message and its conversation. */
function messageOf(
  { account, person, isOwn, sentAt }: Frame,
  keys: readonly string[],
  text: string | null,
  more: Partial<SeenMessage>,
): Pick<Extract<ToldEvent['content'], { kind: 'message' }>, 'message' | 'conversation'> {
  const other = personOf([person], person === account);
  return {
    message: {
      keys,
      conversationKeys: [person],
      direction: isOwn ? 'out' : 'in',
      sender: isOwn ? personOf([account], true) : other,
      text,
      sentAt,
      status: isOwn ? 'sent' : null,
      deleted: false,
      quotedKey: null,
      attachments: [],
      reactions: [],
      ...more,
    },
    conversation: { keys: [person], kind: 'person', attendees: [other] },
  };
}

/** Instagram tells an edit without a text when nothing was edited. */
function readEdit({ item, person, sentAt }: Frame, of: JsonObject): ToldEvent[] {
  const [mid, text] = [idIn(of['mid']), messageTextIn(of['text'])];
  if (mid === null || text === null) return [];
  const number = idIn(of['num_edit']) ?? String(sentAt);
  const content = { kind: 'edit', messageKeys: [mid], conversationKeys: [person], at: sentAt, text } as const;
  return [{ type: typed(item, 'message_edit'), key: `${mid}:edit:${number}`, content }];
}

/** Words that Messenger has beside the sign of a reaction. */
const emojiOf: Readonly<Record<string, string>> = {
  smile: '😆',
  angry: '😠',
  sad: '😢',
  wow: '😮',
  love: '❤️',
  like: '👍',
  dislike: '👎',
};

function readReaction(frame: Frame, of: JsonObject): ToldEvent[] {
  const { item, account, person, isOwn, sentAt } = frame;
  const mid = idIn(of['mid']);
  if (mid === null) return [];
  const isRemoved = textIn(of['action']) === 'unreact';
  const word = textIn(of['reaction']) ?? '';
  const emoji = isRemoved
    ? null
    : (emojiIn(of['emoji']) ?? (Object.hasOwn(emojiOf, word) ? emojiOf[word] : '❤️') ?? null);
  const by = isOwn ? personOf([account], true) : personOf([person], false);
  const content = { kind: 'reaction', messageKeys: [mid], conversationKeys: [person], at: sentAt, emoji, by } as const;
  const key = `${mid}:reaction:${isOwn ? account : person}:${sentAt}:${isRemoved ? 'unreact' : 'react'}`;
  return [{ type: typed(item, 'reaction'), key, content }, ...(isOwn ? [] : acted(frame, key))];
}

/** What the person did opens the conversation's window. */
function acted({ item, person, sentAt }: Frame, key: string): ToldEvent[] {
  if (sentAt === null) return [];
  const attendees = [personOf([person], false)];
  const conversation = { keys: [person], kind: 'person', attendees, lastActionAt: sentAt } as const;
  const content = { kind: 'conversation', conversations: [conversation], at: sentAt } as const;
  return [{ type: typed(item, 'action'), key: `${key}:action`, content }];
}

/** Messenger tells up to when the person has read, Instagram the newest message that was seen, at the event's time. */
function readRead({ item, person, sentAt }: Frame, of: JsonObject): ToldEvent[] {
  const [mid, watermark] = [idIn(of['mid']), epochMs(of['watermark'])];
  const upTo = watermark ?? sentAt;
  const key = `read:${person}:${watermark ?? `${mid}:${sentAt}`}`;
  return [...receiptOf(item, person, 'read', mid, upTo), ...watermarkOf(item, person, 'read', upTo, key)];
}

/** More than one delivery names at a time. */
const mostIds = 50;

function readDelivery({ item, person, sentAt }: Frame, of: JsonObject): ToldEvent[] {
  const upTo = epochMs(of['watermark']);
  const named = asList(of['mids']).slice(0, mostIds);
  return [
    ...named.flatMap((mid) => receiptOf(item, person, 'delivered', idIn(mid), upTo ?? sentAt)),
    ...watermarkOf(item, person, 'delivered', upTo, `delivery:${person}:${upTo}`),
  ];
}

function receiptOf(
  item: Item,
  person: string,
  status: 'read' | 'delivered',
  mid: string | null,
  told: number | null,
): ToldEvent[] {
  if (mid === null) return [];
  const about = { messageKeys: [mid], conversationKeys: [person], at: told };
  return [
    { type: typed(item, status), key: `${mid}:${status}`, content: { kind: 'receipt', ...about, status, by: null } },
  ];
}

const watermarkOf = (
  item: Item,
  person: string,
  status: 'read' | 'delivered',
  upTo: number | null,
  key: string,
): ToldEvent[] =>
  upTo === null
    ? []
    : [
        {
          type: typed(item, `${status}_up_to`),
          key,
          content: { kind: 'watermark', status, conversationKeys: [person], upTo },
        },
      ];

/** A button was pressed: what the person said is its title. */
function readPostback(frame: Frame, of: JsonObject): ToldEvent[] {
  const { item } = frame;
  const mid = idIn(of['mid']);
  if (mid === null) return acted(frame, `postback:${frame.person}:${frame.sentAt}`);
  const message = messageOf(frame, [mid], messageTextIn(of['title']), contextOf(of));
  return [{ type: typed(item, 'postback'), key: `${mid}:postback`, content: { kind: 'message', ...message } }];
}

/** The person came into the conversation by a link or an advertisement, or agreed to get messages. */
function opening(frame: Frame): ToldEvent[] {
  if (frame.isOwn) return [];
  return acted(frame, `opening:${frame.person}:${frame.sentAt}`);
}

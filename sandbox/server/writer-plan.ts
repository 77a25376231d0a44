import { hashText, mix, randomFrom } from '../world/random.ts';
import { nameFor } from '../world/people.ts';
import type { ActionName } from './provider.ts';

export type EventKind = 'group' | 'message' | 'own_message' | 'receipt' | 'reaction' | 'edit' | 'delete';

/** What happens next, as a control action. */
export interface PlannedEvent {
  kind: EventKind;
  action: ActionName;
  fields: object;
  /** The answer has no ids while the account is disconnected. */
  happened(answer: ActionAnswer): void;
}

export interface ActionAnswer {
  chat_id?: string;
  message_id?: string | number;
  messages?: { message_id: string | number }[];
}

interface PlannedMessage {
  id: string;
  text: string;
  own: boolean;
  receipts: number;
  /** People with a reaction on it: digits of a number, or `me`. */
  reacted: Set<string>;
}

interface PlannedChat {
  /** Of a group, once it is open. */
  id: string | null;
  members: string[];
  isGroup: boolean;
  /** The latest, without deleted ones. */
  messages: PlannedMessage[];
}

const GROUP_SIZE = 3;
/** Only so many of a chat's latest messages change. */
const RECENT = 20;
const TEXTS = ['On my way', 'See you at nine', 'Thanks 👍', 'Can we move it to Thursday?', 'ça marche', '明日でいい？'];
const REACTIONS = ['👍', '❤️', '😂', '🎉'];
const RECEIPTS = ['delivered', 'read'] as const;

/** The same seed plans the same events, for the same answers. Chats are with numbers that are in no address book. */
export function planEvents(seed: string, conversations: number, groups: number): () => PlannedEvent {
  const random = randomFrom(hashText(seed));
  const pick = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)]!;
  const numberOf = (n: number): string => `3364${String(mix(hashText(seed), n) % 1_000_000).padStart(6, '0')}${n % 10}`;
  let people = 0;
  const chats = Array.from({ length: conversations }, (_, n): PlannedChat => {
    const isGroup = n < groups;
    const members = Array.from({ length: isGroup ? GROUP_SIZE : 1 }, () => numberOf(people++));
    return { id: null, members, isGroup, messages: [] };
  });
  let planned = 0;

  const openGroup = (chat: PlannedChat, n: number): PlannedEvent => ({
    kind: 'group',
    action: 'post_group',
    fields: { name: `Group ${n + 1} of ${seed}`, members: chat.members },
    happened({ chat_id }) {
      chat.id = chat_id ?? null;
      chat.isGroup = chat.id !== null;
    },
  });

  const write = (chat: PlannedChat): PlannedEvent => {
    const own = random() < 0.35;
    const from = pick(chat.members);
    const text = `${pick(TEXTS)} (${planned})`;
    const quoted = random() < 0.1 ? chat.messages.at(-1) : undefined;
    const file = random() < 0.05 ? { attachments: [{ mimetype: 'image/png' }] } : {};
    const message = { from, name: nameFor(from), own, text, ...(chat.id !== null && { chat: chat.id }) };
    return {
      kind: own ? 'own_message' : 'message',
      action: 'messages',
      fields: { ...message, ...file, ...(quoted && { reply_to: quoted.id }) },
      happened({ messages: [first] = [] }) {
        if (!first) return;
        chat.messages.push({ id: String(first.message_id), text, own, receipts: 0, reacted: new Set() });
        if (chat.messages.length > RECENT) chat.messages.shift();
      },
    };
  };

  const receipt = (chat: PlannedChat, message: PlannedMessage): PlannedEvent => ({
    kind: 'receipt',
    action: 'receipts',
    fields: {
      message_id: message.id,
      status: RECEIPTS[message.receipts++],
      ...(chat.isGroup && { from: pick(chat.members) }),
    },
    happened() {},
  });

  const react = (chat: PlannedChat, message: PlannedMessage): PlannedEvent => {
    const from = pick([...chat.members, 'me']);
    const removes = message.reacted.has(from) && random() < 0.4;
    if (removes) message.reacted.delete(from);
    else message.reacted.add(from);
    const fields = { message_id: message.id, from, value: removes ? '' : pick(REACTIONS) };
    return { kind: 'reaction', action: 'reactions', fields, happened() {} };
  };

  const edit = (message: PlannedMessage): PlannedEvent => ({
    kind: 'edit',
    action: 'messages',
    fields: { edit: message.id, text: `${message.text}, edited at ${planned}` },
    happened() {},
  });

  const remove = (chat: PlannedChat, message: PlannedMessage): PlannedEvent => {
    chat.messages = chat.messages.filter((one) => one !== message);
    return { kind: 'delete', action: 'messages', fields: { delete: message.id }, happened() {} };
  };

  return () => {
    planned++;
    const unopened = chats.findIndex((chat) => chat.isGroup && chat.id === null);
    if (unopened >= 0) return openGroup(chats[unopened]!, unopened);
    const chat = pick(chats);
    const draw = random();
    if (draw < 0.6 || chat.messages.length === 0) return write(chat);
    const message = pick(chat.messages);
    if (draw < 0.75) {
      const unread = chat.messages.find(({ own, receipts }) => own && receipts < RECEIPTS.length);
      return unread ? receipt(chat, unread) : write(chat);
    }
    if (draw < 0.87) return react(chat, message);
    return draw < 0.95 ? edit(message) : remove(chat, message);
  };
}

import { ApiError } from '../server/errors.ts';
import { chatState, editChat, openChat, storeMessage } from './chat-store.ts';
import { chatId } from './ids.ts';
import { chatOf, personOf } from './simulate.ts';
import type { State } from './state.ts';
import { EVENT_TYPES, type Account, type AttendeeRef, type ChatRef } from './types.ts';
import { chatFacts } from './views/chats.ts';
import { attendeeFacts } from './views/attendees.ts';
import { emitMessage } from './webhooks.ts';

/** The owner's phone opens a group, or a channel. Events of groups are messages of their own kind. */
export function openGroup(
  state: State,
  account: Account,
  { name, members, channel }: { name: string; members: string[]; channel: boolean },
): object {
  const people = members.map((one) => personOf(state, account, one));
  const ref = openChat(account.store, { members: people, name, subject: null, group: true, channel });
  if (channel) editChat(account.store, ref).readOnly = true;
  writeEvent(state, account, ref, 'groupCreated', name);
  return showChat(state, account, ref);
}

export function changeGroup(
  state: State,
  account: Account,
  body: { chat: string; name?: string | undefined; add: string[]; remove: string[] },
): object {
  const ref = chatOf(state, account, body.chat);
  const chat = ref.kind === 'started' ? account.store.started[ref.index] : undefined;
  if (!chat?.group) throw new ApiError(409, 'only groups of POST /groups or POST /api/v1/chats can be changed');
  const nameOf = (member: AttendeeRef): string => attendeeFacts(account, member, state.variants.values).name;
  const isOther = (one: AttendeeRef) => (member: AttendeeRef) => member.kind !== one.kind || member.index !== one.index;
  if (body.name !== undefined) {
    chat.name = body.name;
    writeEvent(state, account, ref, 'subjectChanged', body.name);
  }
  for (const one of body.add.map((id) => personOf(state, account, id))) {
    if (!chat.members.every(isOther(one))) continue;
    chat.members.push(one);
    writeEvent(state, account, ref, 'participantAdded', nameOf(one));
  }
  for (const one of body.remove.map((id) => personOf(state, account, id))) {
    if (chat.members.every(isOther(one))) continue;
    chat.members = chat.members.filter(isOther(one));
    writeEvent(state, account, ref, 'participantRemoved', nameOf(one));
  }
  return showChat(state, account, ref);
}

function writeEvent(
  state: State,
  account: Account,
  chat: ChatRef,
  event: keyof typeof EVENT_TYPES,
  text: string,
): void {
  const content = { text, from: null, attachments: [], quoteId: null, eventType: EVENT_TYPES[event], lagging: false };
  const message = storeMessage(account.store, chat, content, state.shared.clock.now());
  emitMessage(state, account, { kind: 'stored', message }, 'message_received');
}

/** At the phone: UniPile has no webhook for it. */
export function changeChat(
  state: State,
  account: Account,
  body: {
    chat: string;
    read?: boolean | undefined;
    archived?: boolean | undefined;
    pinned?: boolean | undefined;
    muted?: boolean | string | undefined;
    read_only?: boolean | undefined;
    deleted?: true | undefined;
  },
): object {
  const ref = chatOf(state, account, body.chat);
  const chat = editChat(account.store, ref);
  if (body.read !== undefined) chat.unread = body.read ? 0 : Math.max(1, chat.unread);
  if (body.muted !== undefined) chat.mutedUntil = typeof body.muted === 'string' ? body.muted : body.muted ? -1 : null;
  chat.archived = body.archived ?? chat.archived;
  chat.pinned = body.pinned ?? chat.pinned;
  chat.readOnly = body.read_only ?? chat.readOnly;
  chat.deleted = body.deleted ?? chat.deleted;
  return showChat(state, account, ref);
}

function showChat(state: State, account: Account, ref: ChatRef): object {
  const { unread, archived, pinned, readOnly, deleted } = chatState(account.store, ref);
  const { providerId } = chatFacts(account, ref, state.variants.values);
  const ids = { chat_id: chatId(account, ref), provider_chat_id: providerId };
  return { ...ids, unread, archived, pinned, read_only: readOnly, deleted };
}

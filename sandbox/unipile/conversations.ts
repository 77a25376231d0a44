import type { Conversation, ConversationMessage } from '../server/provider.ts';
import { hasChat } from './chat-store.ts';
import { chatId, type MessageRef } from './ids.ts';
import type { State } from './state.ts';
import type { Account, AttendeeRef, ChatState } from './types.ts';
import { attendeeFacts } from './views/attendees.ts';
import { chatFacts } from './views/chats.ts';
import { messageFacts } from './views/messages.ts';

export function conversationsOf(state: State, account: Account): Conversation[] {
  const { store } = account;
  return store.recentChats.filter((chat) => hasChat(store, chat.ref)).map((chat) => conversation(state, account, chat));
}

function conversation(state: State, account: Account, chat: ChatState): Conversation {
  const facts = chatFacts(account, chat.ref, state.variants.values);
  return {
    chat_id: chatId(account, chat.ref),
    provider_chat_id: facts.providerId,
    group: facts.group,
    unread: chat.unread,
    archived: chat.archived,
    pinned: chat.pinned,
    muted_until: chat.mutedUntil,
    messages: chat.messages
      .filter(({ eventType }) => eventType === null)
      .map((one) => message(state, account, { kind: 'stored', message: one })),
  };
}

function message(state: State, account: Account, ref: MessageRef): ConversationMessage {
  const facts = messageFacts(account, ref);
  const { delivered, seen, deleted = false, text: edited, reactions = [] } = facts.state;
  const idOf = (one: AttendeeRef): string | null =>
    one.kind === 'self' ? null : attendeeFacts(account, one, state.variants.values).providerId;
  const from = idOf(facts.sender);
  const status = seen ? 'read' : delivered ? 'delivered' : 'sent';
  return {
    message_id: facts.id,
    provider_message_id: facts.providerId,
    from,
    text: deleted ? null : facts.text,
    timestamp: new Date(facts.ts).toISOString(),
    status: from === null ? status : null,
    edited: edited !== undefined,
    deleted,
    reactions: reactions.map(({ value, sender_id, is_sender }) => ({ from: is_sender ? null : sender_id, value })),
  };
}

import { z } from 'zod';
import { ApiError } from '../server/errors.ts';
import { action, actionFields, messagesAction, type Conversation, type ProviderSandbox } from '../server/provider.ts';
import { threadWith, contactFor, threadsOf } from './chats.ts';
import { drop, dropStatus, passCheckpoint } from './endings.ts';
import { addHistory } from './history.ts';
import { deleteMessage, editMessage, receiveMessages, receiveReaction, receiveReceipt } from './simulate.ts';
import type { State } from './state.ts';
import type { Asset, Message, Thread } from './types.ts';
import { emit, sendRaw } from './webhooks/emit.ts';
import { postbackItem } from './webhooks/items.ts';
import { actedNow } from './chats.ts';

const LARGEST_HISTORY = 10_000;

const statusError = z.strictObject({
  code: z.int(),
  title: z.string().default('Message failed'),
  details: z.string().default(''),
});

export function createActions(state: State): ProviderSandbox['actions'] {
  const show = (asset: Asset, status: string): object => ({ account_id: asset.id, channel: asset.channel, status });
  return {
    // There is nothing to scan at Meta: the account is as after a login, whatever ended it.
    scan: action(actionFields.scan, (asset: Asset) => {
      drop(state, asset, 'ok');
      return show(asset, 'ok');
    }),
    approve: action(actionFields.approve, (asset: Asset) => {
      passCheckpoint(state, asset);
      return show(asset, 'ok');
    }),
    drop: action(
      z.object({ status: z.union([z.string(), z.number().transform(String)]) }),
      (asset: Asset, { status }) => {
        const word = dropStatus(status);
        drop(state, asset, word);
        return show(asset, word);
      },
    ),
    messages: messagesAction<Asset>({
      write: (asset, message) => receiveMessages(state, asset, message),
      edit: (asset, id, text) => editMessage(state, asset, id, text),
      remove: (asset, id) => deleteMessage(state, asset, id),
      react: (asset, reaction) => receiveReaction(state, asset, reaction),
    }),
    receipts: action(
      actionFields.receipts.extend({
        status: z.enum(['sent', 'delivered', 'read', 'played', 'failed']),
        error: statusError.optional(),
      }),
      (asset: Asset, receipt) => receiveReceipt(state, asset, receipt),
    ),
    reactions: action(actionFields.reactions, (asset: Asset, reaction) => receiveReaction(state, asset, reaction)),
    post_webhook: action(
      actionFields.postWebhook.extend({ body: actionFields.postWebhook.shape.body }),
      (asset: Asset, { body }) => ({ sent: sendRaw(state, asset, body) }),
    ),
    patch_chat: action(
      z.object({
        chat: z.string().min(1),
        read: z.boolean().optional(),
        postback: z.strictObject({ title: z.string(), payload: z.string() }).optional(),
      }),
      (asset: Asset, { chat, read, postback }) => {
        const thread = threadNamed(state, asset, chat);
        if (read !== undefined) thread.unread = read ? 0 : Math.max(1, thread.unread);
        if (postback) pressButton(state, asset, thread, postback);
        thread.isLive = true;
        return { account_id: asset.id, chat_id: thread.id, unread: thread.unread };
      },
    ),
    put_address_book: action(
      actionFields.putAddressBook.extend({ size: z.int().min(0).max(LARGEST_HISTORY) }),
      (asset: Asset, { size, seed }) => {
        if (asset.channel === 'whatsapp') throw new ApiError(400, 'WhatsApp Cloud has no people to list');
        forgetThreads(state, asset);
        addHistory(state, asset, size, `${asset.id} ${seed}`);
        return { account_id: asset.id, size, seed };
      },
    ),
  };
}

function threadNamed(state: State, asset: Asset, chat: string): Thread {
  const known = state.world.threads.get(chat);
  return known && known.asset === asset ? known.thread : threadWith(state, asset, contactFor(asset, chat));
}

/** The contact presses a button of a message or of the menu: the window opens. */
function pressButton(state: State, asset: Asset, thread: Thread, button: { title: string; payload: string }): void {
  if (asset.channel === 'whatsapp') throw new ApiError(400, 'a WhatsApp number has no postbacks');
  actedNow(state, thread);
  emit(state, asset, [postbackItem(state, asset, thread, { mid: `m_postback_${state.world.nextId++}`, ...button })]);
}

function forgetThreads(state: State, asset: Asset): void {
  for (const { id, messages } of asset.threads.values()) {
    state.world.threads.delete(id);
    for (const message of messages) {
      state.world.messages.delete(message.id);
      for (const one of message.attachments) state.world.media.delete(one.id);
    }
  }
  asset.threads.clear();
}

/** Threads in which something happened since they were generated. */
export function conversationsOf(asset: Asset): Conversation[] {
  return threadsOf(asset)
    .filter(({ isLive }) => isLive)
    .map((thread) => ({
      chat_id: thread.id,
      provider_chat_id: thread.contact.key,
      group: false,
      unread: thread.unread,
      archived: false,
      pinned: false,
      muted_until: null,
      messages: thread.messages.map((message) => messageView(thread, message)),
    }));
}

function messageView({ contact }: Thread, message: Message): Conversation['messages'][number] {
  const from = (who: Message['from']): string | null => (who === 'account' ? null : contact.key);
  return {
    message_id: message.id,
    provider_message_id: message.id,
    from: from(message.from),
    text: message.deleted ? null : message.text,
    timestamp: new Date(message.ts).toISOString(),
    status: message.from === 'contact' ? null : message.status === 'accepted' ? 'pending' : message.status,
    edited: message.edits > 0,
    deleted: message.deleted,
    reactions: [...message.reactions].map(([who, value]) => ({ from: from(who), value })),
  };
}

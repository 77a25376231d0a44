import type { Request } from 'express';
import { formBody, jsonBody } from '../../server/api.ts';
import { z } from 'zod';
import { attachmentsOf, MAX_ATTACHMENT } from '../attachments.ts';
import { chatState, editChat, startChat } from '../chat-store.ts';
import { invalid, notFound, notImplemented, UnipileError } from '../errors.ts';
import { chatByProviderId, readFlag, recipient, selectAccounts } from '../lookup.ts';
import {
  chatMessageSources,
  chatSources,
  type Entry,
  LIST_LIMIT,
  messageSources,
  type Page,
  readPage,
  type Source,
  takePage,
  text,
} from '../paging.ts';
import { chatId, findChat, findMessage, type MessageRef } from '../ids.ts';
import { parseBody, route, type Route } from '../request.ts';
import { readDraft, readList, requireConnected, sendFromApi } from '../send.ts';
import { getAccount, type State, syncedShare, syncStatus } from '../state.ts';
import type { Account, ChatRef, ChatState } from '../types.ts';
import { attendeeFacts, attendeeView } from '../views/attendees.ts';
import { chatFacts, chatView } from '../views/chats.ts';
import { messageFacts, messageView, SELF, wholeChatView } from '../views/messages.ts';

const multipart = formBody(MAX_ATTACHMENT);
const patchBody = z.object({ action: z.string(), value: z.unknown() });

/** Each takes true or false, muting also a date. */
const PATCHES: Record<string, (chat: ChatState, value: boolean | string) => void> = {
  setReadStatus: (chat, value) => {
    chat.unread = value ? 0 : Math.max(1, chat.unread);
  },
  setArchiveStatus: (chat, value) => {
    chat.archived = Boolean(value);
  },
  setPinnedStatus: (chat, value) => {
    chat.pinned = Boolean(value);
  },
  setMuteStatus: (chat, value) => {
    chat.mutedUntil = typeof value === 'string' ? value : value ? -1 : null;
  },
};

export function chatRoutes(state: State): Route[] {
  const variants = state.variants.values;

  /** By UniPile's id, or by the provider's when the query names the account. */
  const chatOf = (req: Request<Record<string, string>>): { account: Account; ref: ChatRef } => {
    const id = req.params['id']!;
    const accountId = text(req, 'account_id');
    if (accountId !== undefined && id.length !== 22) {
      const account = getAccount(state, accountId);
      const ref = chatByProviderId(account, id, variants);
      if (!ref) throw notFound('Chat');
      return { account, ref };
    }
    return findChat(state, id);
  };

  return [
    route('GET /chats', (req, res) => {
      const page = readPage(req, ['account_id', 'account_type', 'unread', 'before', 'after']);
      const unread = readFlag(page.filters, 'unread');
      const sources = selectAccounts(state, page.filters).flatMap((account) =>
        chatSources(account, syncedShare(state, account)),
      );
      const { entries, cursor } = takePage(sources, page, ({ account, ref }) => {
        return unread === undefined || chatState(account.store, ref).unread > 0 === unread;
      });
      res.json({
        object: 'ChatList',
        items: entries.map(({ account, ref }) => chatView(account, ref, variants)),
        cursor,
      });
    }),
    route('GET /chats/:id', (req, res) => {
      const { account, ref } = chatOf(req);
      res.json(wholeChatView(state, account, ref));
    }),
    route('PATCH /chats/:id', { body: jsonBody }, (req, res) => {
      const { account, ref } = chatOf(req);
      const { action, value } = parseBody(state, [patchBody], req.body);
      const patch = Object.hasOwn(PATCHES, action) ? PATCHES[action] : undefined;
      if (!patch) throw new UnipileError('invalid_action', `Known: ${Object.keys(PATCHES).join(', ')}.`);
      if (typeof value !== 'boolean' && !(action === 'setMuteStatus' && typeof value === 'string')) {
        throw invalid('value must be true or false.');
      }
      requireConnected(account);
      patch(editChat(account.store, ref), value);
      res.json({ object: 'ChatPatched' });
    }),
    route('GET /chats/:id/messages', (req, res) => {
      const page = readPage(req, ['before', 'after', 'sender_id'], LIST_LIMIT);
      const { account, ref } = chatOf(req);
      res.json(messageList(state, chatMessageSources(account, ref), page));
    }),
    route('GET /chats/:id/attendees', (req, res) => {
      const { account, ref } = chatOf(req);
      const { others, group } = chatFacts(account, ref, variants);
      const shown = group ? [...others, SELF] : others;
      res.json({ object: 'ChatAttendeeList', items: shown.map((one) => attendeeView(state, account, one)) });
    }),
    route('GET /chats/:id/sync', { hasEffect: true }, (req, res) => {
      const { account, ref } = chatOf(req);
      const status = syncStatus(editChat(account.store, ref));
      res.json({ object: 'ChatHistorySync', chat_id: chatId(account, ref), status });
    }),
    route('POST /chats/:id/messages', { body: multipart }, (req, res) => {
      const { account, ref } = chatOf(req);
      requireConnected(account);
      const id = sendFromApi(state, account, ref, readDraft(req, account));
      res.status(201).json({ object: 'MessageSent', message_id: variants.null_message_id ? null : id });
    }),
    route('POST /chats', { body: multipart }, (req, res) => {
      const accountId = readList(req, 'account_id')[0];
      if (accountId === undefined) throw invalid('account_id is required.');
      const account = getAccount(state, accountId);
      requireConnected(account);
      const attendees = readList(req, 'attendees_ids');
      if (attendees.length === 0) throw invalid('attendees_ids is required.');
      const draft = readDraft(req, account);
      const members = attendees.map((one) => recipient(account, one, variants));
      const ref = startChat(
        account.store,
        members,
        readList(req, 'subject')[0] ?? null,
        readList(req, 'name')[0] ?? null,
      );
      const message_id = sendFromApi(state, account, ref, draft);
      res.status(201).json({
        object: 'ChatStarted',
        chat_id: chatId(account, ref),
        message_id: variants.null_message_id ? null : message_id,
      });
    }),
  ];
}

const forwardBody = z.object({ chat_id: z.string().min(1) });

export function messageRoutes(state: State): Route[] {
  return [
    route('GET /messages', (req, res) => {
      const page = readPage(req, ['account_id', 'sender_id', 'before', 'after']);
      const sources = selectAccounts(state, page.filters).flatMap((account) =>
        messageSources(account, syncedShare(state, account)),
      );
      res.json(messageList(state, sources, page));
    }),
    route('GET /messages/:id', (req, res) => {
      const { account, ref } = findMessage(state, req.params['id']!);
      res.json(messageView(state, account, ref));
    }),
    route('GET /messages/:id/attachments/:attachment_id', (req, res) => {
      const { account, ref } = findMessage(state, req.params['id']!);
      const found = attachmentsOf(account, ref).find((one) => one.id === req.params['attachment_id']);
      if (!found) throw notFound('Attachment');
      if (!found.bytes) throw new UnipileError('resource_not_found', 'The file can no longer be had.');
      res.setHeader('content-type', found.mimetype);
      res.send(found.bytes());
    }),
    route('POST /messages/:id/forward', { body: jsonBody }, (req, res) => {
      const { account, ref } = findMessage(state, req.params['id']!);
      if (account.type !== 'WHATSAPP') throw notImplemented('Only WhatsApp messages can be forwarded.');
      const target = findChat(state, parseBody(state, [forwardBody], req.body).chat_id);
      requireConnected(target.account);
      const { text, state: message } = messageFacts(account, ref);
      if (message.deleted) throw notFound('Message');
      const attachments = ref.kind === 'stored' ? ref.message.attachments : [];
      const message_id = sendFromApi(state, target.account, target.ref, { text, attachments, quoteId: null });
      res.status(201).json({ object: 'MessageForwarded', message_id });
    }),
  ];
}

/** The filter `sender_id` compares with the provider's id. */
export function messageList(
  state: State,
  sources: Source<MessageRef>[],
  page: Page,
  keep: (entry: Entry<MessageRef>) => boolean = () => true,
): object {
  const variants = state.variants.values;
  const sender = page.filters['sender_id'];
  const { entries, cursor } = takePage(sources, page, (entry) => {
    if (!keep(entry)) return false;
    if (sender === undefined) return true;
    const facts = messageFacts(entry.account, entry.ref);
    return attendeeFacts(entry.account, facts.sender, variants).providerId === sender;
  });
  return {
    object: 'MessageList',
    items: entries.map(({ account, ref }) => messageView(state, account, ref)),
    cursor,
  };
}

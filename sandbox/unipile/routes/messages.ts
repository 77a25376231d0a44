import { z } from 'zod';
import { attachmentsOf } from '../attachments.ts';
import { notFound, notImplemented, UnipileError } from '../errors.ts';
import type { Route } from '../http.ts';
import { type Page, readPage, takePage } from '../paging.ts';
import { findChat, findMessage, type MessageRef } from '../refs.ts';
import { selectAccounts } from '../selection.ts';
import { messageSources, type Entry, type Source } from '../sources.ts';
import type { State } from '../state.ts';
import { parseBody } from '../validate.ts';
import { attendeeFacts } from '../views/attendee.ts';
import { messageFacts, messageView } from '../views/message.ts';
import { requireConnected, sendFromApi } from '../writing.ts';

const forwardBody = z.object({ chat_id: z.string().min(1) });

export function messageRoutes(state: State): Route[] {
  const variants = state.variants.values;
  return [
    {
      method: 'get',
      path: '/messages',
      handle(req, res) {
        const page = readPage(req, ['account_id', 'sender_id', 'before', 'after']);
        res.json(messageList(state, selectAccounts(state, page.filters).flatMap(messageSources), page));
      },
    },
    {
      method: 'get',
      path: '/messages/:id',
      handle(req, res) {
        const { account, ref } = findMessage(state, String(req.params['id']));
        res.json(messageView(account, ref, variants));
      },
    },
    {
      method: 'get',
      path: '/messages/:id/attachments/:attachment_id',
      handle(req, res) {
        const { account, ref } = findMessage(state, String(req.params['id']));
        const found = attachmentsOf(account, ref).find((one) => one.id === req.params['attachment_id']);
        if (!found) throw notFound('Attachment');
        if (!found.bytes)
          throw new UnipileError(404, 'resource_not_found', 'Resource not found', 'The file can no longer be had.');
        res.setHeader('content-type', found.mimetype);
        res.send(found.bytes());
      },
    },
    {
      method: 'post',
      path: '/messages/:id/forward',
      body: 'json',
      handle(req, res) {
        const { account, ref } = findMessage(state, String(req.params['id']));
        if (account.type !== 'WHATSAPP') throw notImplemented('Only WhatsApp messages can be forwarded.');
        const target = findChat(state, parseBody(state, [forwardBody], req.body).chat_id);
        requireConnected(target.account);
        const { text } = messageFacts(account, ref);
        const attachments = ref.kind === 'stored' ? ref.message.attachments : [];
        const message_id = sendFromApi(state, target.account, target.ref, { text, attachments, quoteId: null });
        res.status(201).json({ object: 'MessageForwarded', message_id });
      },
    },
  ];
}

/** A page of messages; the filter `sender_id` compares with the provider's id. */
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
    items: entries.map(({ account, ref }) => messageView(account, ref, variants)),
    cursor,
  };
}

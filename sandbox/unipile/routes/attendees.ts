import { hashText } from '../../seeded.ts';
import { picture } from '../../picture.ts';
import { exists } from '../book.ts';
import { UnipileError, notFound } from '../errors.ts';
import type { Route } from '../http.ts';
import { type Page, readPage, takePage, writeCursor } from '../paging.ts';
import { attendeeId, chatId, findAttendee, findChat } from '../refs.ts';
import { chatsWith, selectAccounts } from '../selection.ts';
import { chatMessageSources, someChats } from '../sources.ts';
import { positionOf, resolveId, type State } from '../state.ts';
import type { Account, AttendeeRef } from '../types.ts';
import { attendeeFacts, attendeeView } from '../views/attendee.ts';
import { chatFacts, chatView } from '../views/chat.ts';
import { messageFacts } from '../views/message.ts';
import { messageList } from './messages.ts';

export function attendeeRoutes(state: State): Route[] {
  const variants = state.variants.values;
  return [
    {
      method: 'get',
      path: '/chat_attendees',
      handle(req, res) {
        const page = readPage(req, ['account_id']);
        const items: object[] = [];
        let lastId = '';
        let cursor: string | null = null;
        for (const { account, ref } of attendeesFrom(state, page)) {
          if (items.length === page.limit) {
            cursor = writeCursor(page, { id: lastId });
            break;
          }
          items.push(attendeeView(account, ref, variants));
          lastId = attendeeId(account, ref);
        }
        res.json({ object: 'ChatAttendeeList', items, cursor });
      },
    },
    {
      method: 'get',
      path: '/chat_attendees/:id',
      handle(req, res) {
        const { account, ref } = findAttendee(state, String(req.params['id']));
        res.json(attendeeView(account, ref, variants));
      },
    },
    {
      method: 'get',
      path: '/chat_attendees/:id/picture',
      handle(req, res) {
        const seed = pictureSeed(state, String(req.params['id']));
        if (seed === null)
          throw new UnipileError(404, 'resource_not_found', 'Resource not found', 'There is no picture.');
        res.setHeader('content-type', 'image/png');
        res.send(picture(seed));
      },
    },
    {
      method: 'get',
      path: '/chat_attendees/:id/chats',
      handle(req, res) {
        const page = readPage(req, ['account_id', 'before', 'after']);
        const { account, ref } = findAttendee(state, String(req.params['id']));
        const { entries, cursor } = takePage([someChats(account, chatsWith(account, ref))], page);
        res.json({ object: 'ChatList', items: entries.map((entry) => chatView(account, entry.ref, variants)), cursor });
      },
    },
    {
      method: 'get',
      path: '/chat_attendees/:id/messages',
      handle(req, res) {
        const page = readPage(req, ['before', 'after']);
        const { account, ref } = findAttendee(state, String(req.params['id']));
        const sources = chatsWith(account, ref).flatMap((chat) => chatMessageSources(account, chat));
        const list = messageList(state, sources, page, (entry) => {
          const { sender } = messageFacts(account, entry.ref);
          return sender.kind === ref.kind && sender.index === ref.index;
        });
        res.json(list);
      },
    },
  ];
}

/** Attendees account by account: the address book in its order, then strangers, then (if wanted) the owner. */
function* attendeesFrom(state: State, page: Page): Generator<{ account: Account; ref: AttendeeRef }> {
  const accounts = selectAccounts(state, page.filters);
  const last = page.last && resolveId(state, page.last.id, 'Attendee');
  const start = last && page.filters['account_id'] === undefined ? positionOf(state, last.account.seq) : 0;
  let resume = last;
  for (let i = start; i < accounts.length; i++) {
    const account = accounts[i]!;
    // The named accounts before the cursor's are done.
    if (resume && resume.account !== account) continue;
    const after: AttendeeRef = resume
      ? { kind: resume.parts.kind as AttendeeRef['kind'], index: resume.parts.a }
      : { kind: 'person', index: -1 };
    resume = null;
    for (const ref of attendeesAfter(state, account, after)) yield { account, ref };
  }
}

function* attendeesAfter(state: State, account: Account, after: AttendeeRef): Generator<AttendeeRef> {
  const { book, strangers } = account.mailbox;
  if (after.kind === 'person') {
    for (let index = after.index + 1; index < book.size; index++)
      if (exists(book, index)) yield { kind: 'person', index };
  }
  if (after.kind !== 'self') {
    const first = after.kind === 'stranger' ? after.index + 1 : 0;
    for (let index = first; index < strangers.length; index++) yield { kind: 'stranger', index };
    if (state.variants.values.self_in_attendee_list && account.identity) yield { kind: 'self', index: 0 };
  }
}

/** A chat's id in place of an attendee's gives a group's picture. */
function pictureSeed(state: State, id: string): number | null {
  const { parts } = resolveId(state, id, 'Attendee');
  if (parts.kind === 'group' || parts.kind === 'started' || parts.kind === 'single') {
    const { account, ref } = findChat(state, id);
    if (!chatFacts(account, ref, state.variants.values).group) throw notFound('Attendee');
    return hashText(chatId(account, ref));
  }
  const { account, ref } = findAttendee(state, id);
  return attendeeFacts(account, ref, state.variants.values).pictureSeed;
}

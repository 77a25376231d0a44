import type { Request } from 'express';
import { disconnected, invalid, notFound, notImplemented, UnipileError } from '../errors.ts';
import { chatsWith, knownAttendee, selectAccounts } from '../lookup.ts';
import {
  chatMessageSources,
  type Page,
  readPage,
  RELATIONS_LIMIT,
  someChats,
  takePage,
  text,
  takeFirst,
} from '../paging.ts';
import { attendeeId, chatId, findAttendee, findChat, resolveId } from '../ids.ts';
import { messageList } from './chats.ts';
import { route, type Route } from '../request.ts';
import { getAccount, positionOf, type State, syncedShare } from '../state.ts';
import type { Account, AttendeeRef } from '../types.ts';
import { ownerView, profileView } from '../views/accounts.ts';
import { attendeeFacts, attendeeView } from '../views/attendees.ts';
import { chatFacts, chatView } from '../views/chats.ts';
import { messageFacts } from '../views/messages.ts';
import { exists } from '../../world/generated-people.ts';
import { picture } from '../../world/media.ts';
import { headline } from '../../world/people.ts';
import { hashText } from '../../world/random.ts';

export function attendeeRoutes(state: State): Route[] {
  const variants = state.variants.values;
  return [
    route('GET /chat_attendees', (req, res) => {
      const page = readPage(req, ['account_id']);
      const { items, cursor } = takeFirst(page, attendeesFrom(state, page), ({ account, ref }) =>
        attendeeId(account, ref),
      );
      const views = items.map(({ account, ref }) => attendeeView(state, account, ref));
      res.json({ object: 'ChatAttendeeList', items: views, cursor });
    }),
    route('GET /chat_attendees/:id', (req, res) => {
      const { account, ref } = findAttendee(state, req.params['id']!);
      res.json(attendeeView(state, account, ref));
    }),
    route('GET /chat_attendees/:id/picture', (req, res) => {
      const seed = pictureSeed(state, req.params['id']!);
      if (seed === null) throw new UnipileError('resource_not_found', 'There is no picture.');
      res.setHeader('content-type', 'image/png');
      res.send(picture(seed));
    }),
    route('GET /chat_attendees/:id/chats', (req, res) => {
      const page = readPage(req, ['account_id', 'before', 'after']);
      const { account, ref } = findAttendee(state, req.params['id']!);
      const { entries, cursor } = takePage([someChats(account, chatsWith(account, ref))], page);
      res.json({ object: 'ChatList', items: entries.map((entry) => chatView(account, entry.ref, variants)), cursor });
    }),
    route('GET /chat_attendees/:id/messages', (req, res) => {
      const page = readPage(req, ['before', 'after']);
      const { account, ref } = findAttendee(state, req.params['id']!);
      const sources = chatsWith(account, ref).flatMap((chat) => chatMessageSources(account, chat));
      const list = messageList(state, sources, page, (entry) => {
        const { sender } = messageFacts(account, entry.ref);
        return sender.kind === ref.kind && sender.index === ref.index;
      });
      res.json(list);
    }),
  ];
}

/** By account: contacts in their order, then other people, then (by variant) the owner. */
function* attendeesFrom(state: State, page: Page): Generator<{ account: Account; ref: AttendeeRef }> {
  const accounts = selectAccounts(state, page.filters);
  const last = page.last && resolveId(state, page.last.id, 'Attendee');
  const start = last && page.filters['account_id'] === undefined ? positionOf(state, last.account.seq) : 0;
  let resume = last;
  for (let i = start; i < accounts.length; i++) {
    const account = accounts[i]!;
    // Skip accounts of earlier pages.
    if (resume && resume.account !== account) continue;
    const after: AttendeeRef = resume
      ? { kind: resume.parts.kind as AttendeeRef['kind'], index: resume.parts.a }
      : { kind: 'person', index: -1 };
    resume = null;
    for (const ref of attendeesAfter(state, account, after)) yield { account, ref };
  }
}

function* attendeesAfter(state: State, account: Account, after: AttendeeRef): Generator<AttendeeRef> {
  const { people, unlisted } = account.store;
  if (after.kind === 'person') {
    const size = Math.floor(people.size * syncedShare(state, account));
    for (let index = after.index + 1; index < size; index++) if (exists(people, index)) yield { kind: 'person', index };
  }
  if (after.kind !== 'self') {
    const first = after.kind === 'unlisted' ? after.index + 1 : 0;
    for (let index = first; index < unlisted.length; index++) yield { kind: 'unlisted', index };
    if (state.variants.values.self_in_attendee_list && account.identity) yield { kind: 'self', index: 0 };
  }
}

/** Takes an attendee's id, or a group chat's. */
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

/** These need a working login. */
export function userRoutes(state: State): Route[] {
  const variants = state.variants.values;
  const accountOf = (req: Request): Account => {
    const id = text(req, 'account_id');
    if (id === undefined) throw invalid('account_id is required.');
    const account = getAccount(state, id);
    if (account.status !== 'OK') throw disconnected();
    return account;
  };
  return [
    route('GET /users/me', (req, res) => res.json(ownerView(accountOf(req)))),
    route('GET /users/relations', (req, res) => {
      const account = accountOf(req);
      if (account.type !== 'LINKEDIN') throw notImplemented('Only LinkedIn has relations.');
      const page = readPage(req, [], RELATIONS_LIMIT);
      const { people } = account.store;
      const items: object[] = [];
      let index = page.last ? Number(page.last.id) : 0;
      for (; index < people.size && items.length < page.limit; index++) {
        if (!exists(people, index)) continue;
        items.push(relationView(account, index));
      }
      const next = { limit: page.limit, cursor: { last_id: String(index) } };
      const cursor = index < people.size ? Buffer.from(JSON.stringify(next)).toString('base64') : null;
      res.json({ object: 'UserRelationsList', items, cursor });
    }),
    route('GET /users/:identifier', (req, res) => {
      const account = accountOf(req);
      const ref = knownAttendee(account, req.params['identifier']!, variants);
      if (!ref) throw notFound('User');
      res.json(profileView(account, attendeeFacts(account, ref, variants)));
    }),
  ];

  function relationView(account: Account, index: number): object {
    const facts = attendeeFacts(account, { kind: 'person', index }, variants);
    const [first_name = '', last_name = ''] = facts.name.split(' ');
    return {
      object: 'UserRelation',
      first_name,
      last_name,
      headline: headline(account.store.people, index),
      public_identifier: facts.publicIdentifier,
      public_profile_url: facts.profileUrl,
      created_at: account.store.base - index * 86_400_000,
      member_id: facts.providerId,
      member_urn: `urn:li:member:${facts.providerId}`,
      connection_urn: `urn:li:fsd_connection:${facts.providerId}`,
    };
  }
}

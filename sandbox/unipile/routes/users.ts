import { disconnected, invalid, notFound, notImplemented } from '../errors.ts';
import { exists } from '../book.ts';
import type { Route } from '../http.ts';
import { RELATIONS_LIMIT, readPage, text } from '../paging.ts';
import { knownAttendee } from '../recipients.ts';
import { getAccount, type State } from '../state.ts';
import type { Account } from '../types.ts';
import { attendeeFacts } from '../views/attendee.ts';
import { ownerView, profileView } from '../views/profile.ts';
import { headline } from '../people.ts';
import type { Request } from 'express';

/** Look-ups that go to the provider itself, so they need a working login. */
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
    { method: 'get', path: '/users/me', handle: (req, res) => void res.json(ownerView(accountOf(req))) },
    {
      method: 'get',
      path: '/users/relations',
      handle(req, res) {
        const account = accountOf(req);
        if (account.type !== 'LINKEDIN') throw notImplemented('Only LinkedIn has relations.');
        const page = readPage(req, [], RELATIONS_LIMIT);
        const { book } = account.mailbox;
        const items: object[] = [];
        let index = page.last ? Number(page.last.id) : 0;
        for (; index < book.size && items.length < page.limit; index++) {
          if (!exists(book, index)) continue;
          items.push(relationView(account, index));
        }
        const next = { limit: page.limit, cursor: { last_id: String(index) } };
        const cursor = index < book.size ? Buffer.from(JSON.stringify(next)).toString('base64') : null;
        res.json({ object: 'UserRelationsList', items, cursor });
      },
    },
    {
      method: 'get',
      path: '/users/:identifier',
      handle(req, res) {
        const account = accountOf(req);
        const ref = knownAttendee(account, String(req.params['identifier']), variants);
        if (!ref) throw notFound('User');
        res.json(profileView(account, attendeeFacts(account, ref, variants)));
      },
    },
  ];

  function relationView(account: Account, index: number): object {
    const facts = attendeeFacts(account, { kind: 'person', index }, variants);
    const [first_name = '', last_name = ''] = facts.name.split(' ');
    return {
      object: 'UserRelation',
      first_name,
      last_name,
      headline: headline(account.mailbox.book, index),
      public_identifier: facts.publicIdentifier,
      public_profile_url: facts.profileUrl,
      created_at: account.mailbox.base - index * 86_400_000,
      member_id: facts.providerId,
      member_urn: `urn:li:member:${facts.providerId}`,
      connection_urn: `urn:li:fsd_connection:${facts.providerId}`,
    };
  }
}

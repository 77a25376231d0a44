import { z } from 'zod';
import { changeContacts } from '../../db/queries/contacts/change-contacts.ts';
import { contactsWhere, type ContactFilter } from '../../db/queries/contacts/find-contacts.ts';
import { lockContacts } from '../../db/queries/contacts/lock-contacts.ts';
import { rows, type Em } from '../../db/connect.ts';
import { holdContacts, refuseMerged } from '../../services/contacts/find-contacts.ts';
import { Problem } from '../../services/problem.ts';
import { route } from '../http/route.ts';
import { company, filterOf, groups, groupsOfOne, search, tag } from './contacts.ts';

/** Strict: a misspelt filter would change everybody. */
const wish = z.strictObject({
  contact_ids: z.array(z.string()).min(1).max(1_000).optional(),
  filter: z
    .strictObject({
      account: z.string().optional(),
      group: z.string().optional(),
      synced: z.boolean().optional(),
      q: search.optional(),
    })
    .optional()
    .describe('Instead of ids: everybody whom GET /contacts lists with these; {} is everybody.'),
  set: z
    .strictObject({
      groups: groups.optional().describe('Instead of the present ones.'),
      add_groups: groups.optional(),
      remove_groups: groups.optional(),
      company: company.optional(),
    })
    .describe('What changes; at least one of them.'),
});

export const changeMany = route({
  method: 'post',
  path: '/contacts/bulk',
  summary: 'Change the groups or the company of many contacts',
  tag,
  scope: 'write',
  idempotent: true,
  body: wish,
  answer: z.object({ changed: z.number().int().describe('Contacts that are different now.') }),
  handle: ({ context, principal, body: { contact_ids: ids, filter, set } }) => {
    if ((ids === undefined) === (filter === undefined))
      throw new Problem('invalid_request', 'body: needs either contact_ids or filter.');
    if (Object.values(set).every((value) => value === undefined))
      throw new Problem('invalid_request', 'set: names nothing to change.', {
        fix: 'Give groups, add_groups, remove_groups or company.',
      });
    if (
      (set.groups && (set.add_groups ?? set.remove_groups)) ||
      set.add_groups?.some((one) => set.remove_groups?.includes(one))
    )
      throw new Problem('invalid_request', 'set: says two things of one group.', {
        fix: 'Give either groups or what to add and remove, and each group once.',
      });
    return context.db.tenant(principal.tenantId, async (em) => {
      const meant = filter ? await holdFiltered(em, filter) : await holdNamed(em, ids ?? []);
      const { company, groups, add_groups: addGroups, remove_groups: removeGroups } = set;
      const change = { company, groups, addGroups, removeGroups };
      const { changed, mostGroups } = await changeContacts(em, contactsWhere(meant), change, context.clock.now());
      if (addGroups?.length && mostGroups > groupsOfOne)
        throw new Problem('invalid_request', `set: somebody would be in more than ${groupsOfOne} groups.`, {
          fix: 'Take groups away first; nobody was changed.',
        });
      return { body: { changed } };
    });
  },
});

async function holdNamed(em: Em, ids: string[]): Promise<ContactFilter> {
  await holdContacts(em, ids);
  await refuseMerged(em, ids);
  return { ids };
}

async function holdFiltered(em: Em, given: ContactFilter): Promise<ContactFilter> {
  const filter = await filterOf(em, given);
  const { sql, params } = contactsWhere(filter);
  const accounts = await rows<{ id: string }>(
    em,
    `select a.id from accounts a where exists (select from contacts c where c.account_id = a.id and ${sql}) order by a.id`,
    params,
  );
  for (const { id } of accounts) await lockContacts(em, id);
  // Somebody who comes to be meant by now may be of an account that is not locked.
  return { ...filter, accounts: accounts.map(({ id }) => id) };
}

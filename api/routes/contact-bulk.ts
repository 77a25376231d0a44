import { z } from 'zod';
import { changeContacts } from '../../db/queries/contacts/change-contacts.ts';
import { lockContactsById, lockContactsWhere, refuseMerged } from '../../services/contacts/find-contacts.ts';
import { Problem } from '../../services/problem.ts';
import { route } from '../http/route.ts';
import { company, filterOf, groups, groupsOfOne, search, tag } from './contacts.ts';

/** Strict: a misspelt filter would change all contacts. */
const request = z.strictObject({
  contact_ids: z.array(z.string()).min(1).max(1_000).optional(),
  filter: z
    .strictObject({
      account: z.string().optional(),
      group: z.string().optional(),
      synced: z.boolean().optional(),
      missing: z.boolean().optional(),
      q: search.optional(),
    })
    .optional()
    .describe('Instead of ids: all contacts that GET /contacts lists with these; {} is all.'),
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
  name: 'changeContacts',
  method: 'post',
  path: '/contacts/bulk',
  summary: 'Change the groups or the company of many contacts',
  tag,
  scope: 'write',
  idempotent: true,
  body: request,
  example: { filter: { q: 'maya' }, set: { add_groups: ['customers'] } },
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
      const meant = filter ? await lockContactsWhere(em, await filterOf(em, filter)) : { ids: ids ?? [] };
      if (meant.ids) {
        await lockContactsById(em, meant.ids);
        await refuseMerged(em, meant.ids);
      }
      const { company, groups, add_groups: addGroups, remove_groups: removeGroups } = set;
      const change = { company, groups, addGroups, removeGroups };
      const { changed, mostGroups } = await changeContacts(em, meant, change, context.clock.now());
      if (addGroups?.length && mostGroups > groupsOfOne)
        throw new Problem('invalid_request', `set: a contact would be in more than ${groupsOfOne} groups.`, {
          fix: 'Remove groups first; no contact was changed.',
        });
      return { body: { changed } };
    });
  },
});

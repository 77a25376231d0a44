import { z } from 'zod';
import { mergeContacts, unmergeContact } from '../../db/queries/contacts/merge-contacts.ts';
import { anyContact, lockContactsById } from '../../services/contacts/find-contacts.ts';
import { Problem } from '../../services/problem.ts';
import { route } from '../http/route.ts';
import { wholeContactAnswer } from '../views/contact.ts';
import { contactParams, shownTo, tag } from './contacts.ts';

const merge = route({
  name: 'mergeContacts',
  method: 'post',
  path: '/contacts/merge',
  summary: 'Make the first contact stand for the others too; what it lacks it takes from them',
  tag,
  scope: 'write',
  idempotent: true,
  body: z.object({
    contact_ids: z.array(z.string()).min(2).max(100).describe('Of one account; the first is the one that stays.'),
  }),
  answer: wholeContactAnswer,
  handle: ({ context, principal, body: { contact_ids: ids } }) =>
    context.db.tenant(principal.tenantId, async (em) => {
      const [survivor = '', ...others] = ids;
      const [accountId = '', ...moreAccounts] = await lockContactsById(em, ids);
      if (moreAccounts.length)
        throw new Problem('invalid_request', 'contact_ids: are of several accounts.', {
          fix: 'Merge contacts of one account only; see account_id of each.',
        });
      if (new Set(ids).size < 2)
        throw new Problem('invalid_request', 'contact_ids: name the same contact.', {
          fix: 'Name two contacts or more.',
        });
      const of = { tenantId: principal.tenantId, accountId, at: context.clock.now() };
      const root = await mergeContacts(em, of, survivor, others);
      return { body: await shownTo(em, context, principal, await anyContact(em, root)) };
    }),
});

const unmerge = route({
  name: 'unmergeContact',
  method: 'post',
  path: '/contacts/{id}/unmerge',
  summary: 'Take contacts apart: a merged one leaves, one that stands for others is left by all of them',
  tag,
  scope: 'write',
  idempotent: true,
  params: contactParams,
  answer: wholeContactAnswer.extend({
    unmerged: z.array(z.string()).describe('The contacts that stand for themselves again.'),
  }),
  handle: ({ context, principal, params: { id } }) =>
    context.db.tenant(principal.tenantId, async (em) => {
      const [accountId = ''] = await lockContactsById(em, [id]);
      const of = { tenantId: principal.tenantId, accountId, at: context.clock.now() };
      const unmerged = await unmergeContact(em, of, id);
      return { body: { ...(await shownTo(em, context, principal, await anyContact(em, id))), unmerged } };
    }),
});

export const contactMergeRoutes = [merge, unmerge];

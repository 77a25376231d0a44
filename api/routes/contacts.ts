import { z } from 'zod';
import { nameOf } from '../../domain/contacts.ts';
import { changeContacts } from '../../db/queries/contacts/change-contacts.ts';
import {
  contactsById,
  listContacts as contactsPage,
  type ContactFilter,
} from '../../db/queries/contacts/find-contacts.ts';
import type { Em } from '../../db/connect.ts';
import { Contact } from '../../db/entities/contacts.ts';
import { anyAccount } from '../../services/accounts/find-account.ts';
import { anyContact, contactDetails, lockContactsById, refuseMerged } from '../../services/contacts/find-contacts.ts';
import type { Context } from '../../services/context.ts';
import type { Principal } from '../../services/principal.ts';
import { cursorId, flag, page, pageQuery } from '../http/pagination.ts';
import { route } from '../http/route.ts';
import { shownText } from '../http/text.ts';
import { inOrder, updatesPage, updatesPageOf, updatesQuery } from '../http/updates.ts';
import { contactAnswer, contactView, wholeContactAnswer, wholeContactView } from '../views/contact.ts';

export const tag = 'contacts';
export const contactParams = z.object({ id: z.string().describe('The contact.') });
const text = shownText(255);
export const company = text.nullable().describe("Written over the provider's; null takes that back.");
/** Groups that one contact may be given. */
export const groupsOfOne = 50;
export const groups = z.array(shownText(64)).max(groupsOfOne).describe('Your own labels for people.');
export const search = z
  .string()
  .max(200)
  .describe(
    'Words of the name, verified name, company or push name in any case, or digits of the number; also of contacts merged into it.',
  );

/** The whole contact for a key; with the provider's entry where the key may see it. */
export const shownTo = async (em: Em, { vault }: Context, { tenantId, scopes }: Principal, contact: Contact) =>
  wholeContactView(
    contact,
    await contactDetails(em, contact),
    scopes.includes('raw') ? await vault.keysOf(em, tenantId) : null,
  );

/** A filter about one account: 404 where the tenant has no such account. */
export const filterOf = async (em: Em, filter: ContactFilter): Promise<ContactFilter> =>
  filter.account === undefined ? filter : { ...filter, account: (await anyAccount(em, filter.account)).id };

const listContacts = route({
  name: 'listContacts',
  method: 'get',
  path: '/contacts',
  summary: 'List contacts, without those that were merged into another',
  tag,
  scope: 'read',
  query: z.object({
    ...pageQuery,
    ...updatesQuery,
    q: search.optional(),
    account: z.string().optional(),
    group: z.string().optional(),
    synced: flag.describe('Whether the provider has them.'),
    missing: flag.describe('Whether they left the address book.'),
  }),
  answer: updatesPageOf(contactAnswer),
  handle: async ({ context, principal, query: { limit, cursor, updated_since: since, ...filter } }) => {
    if (since !== undefined) {
      const wanted = (em: Em) => filterOf(em, filter);
      const asked = { table: 'contacts', since, limit, cursor, filter: wanted } as const;
      return {
        body: await updatesPage({ context, principal }, asked, async (em, ids) =>
          inOrder(await contactsById(em, ids), ids).map(contactView),
        ),
      };
    }
    return context.db.tenant(principal.tenantId, async (em) => {
      const wanted = { after: cursorId(cursor), limit: limit + 1 };
      const found = await contactsPage(em, await filterOf(em, filter), wanted);
      return { body: page(found, limit, contactView) };
    });
  },
});

const getContact = route({
  name: 'getContact',
  method: 'get',
  path: '/contacts/{id}',
  summary: "Read a contact, also a merged one; with the scope raw, with the provider's entry",
  tag,
  scope: 'read',
  params: contactParams,
  answer: wholeContactAnswer,
  handle: ({ context, principal, params }) =>
    context.db.tenant(principal.tenantId, async (em) => ({
      body: await shownTo(em, context, principal, await anyContact(em, params.id)),
    })),
});

const patchContact = route({
  name: 'updateContact',
  method: 'patch',
  path: '/contacts/{id}',
  summary: 'Write a name, company or groups of your own; syncs leave them as they are',
  tag,
  scope: 'write',
  params: contactParams,
  body: z.strictObject({
    name: text.nullable().optional().describe("Written over the provider's; null takes that back."),
    company: company.optional(),
    groups: groups.optional(),
  }),
  answer: wholeContactAnswer,
  handle: ({ context, principal, params: { id }, body: { name, ...change } }) =>
    context.db.tenant(principal.tenantId, async (em) => {
      await lockContactsById(em, [id]);
      await refuseMerged(em, [id]);
      const at = context.clock.now();
      await changeContacts(em, { ids: [id] }, change, at);
      const contact = await anyContact(em, id);
      // A name that a merge brought is the contact's own once it is written by hand as well.
      const brought = contact.provenance.name?.source === 'merge';
      if (name !== undefined && (brought || name !== (contact.edits.name ?? null))) rename(contact, name, at);
      return { body: await shownTo(em, context, principal, contact) };
    }),
});

function rename(contact: Contact, name: string | null, at: Date): void {
  const { name: _edit, ...edits } = contact.edits;
  const { name: _origin, ...provenance } = contact.provenance;
  contact.edits = name === null ? edits : { ...edits, name };
  contact.provenance = name === null ? provenance : { ...provenance, name: { source: 'edit', at: at.toISOString() } };
  contact.name = nameOf(contact, contact.edits);
  contact.updatedAt = at;
}

const deleteContact = route({
  name: 'deleteContact',
  method: 'delete',
  path: '/contacts/{id}',
  summary: 'Delete a contact and those merged into it; the next sync may bring the person back',
  tag,
  scope: 'write',
  params: contactParams,
  answer: z.null(),
  status: 204,
  handle: ({ context, principal, params: { id } }) =>
    context.db.tenant(principal.tenantId, async (em) => {
      await lockContactsById(em, [id]);
      await refuseMerged(em, [id]);
      await em.nativeDelete(Contact, { id });
      return { body: null };
    }),
});

export const contactRoutes = [listContacts, getContact, patchContact, deleteContact];

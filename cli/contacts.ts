import type { Command } from 'commander';
import { anyAccount } from '../services/accounts/find-account.ts';
import { contactDetails, type ContactDetails } from '../services/contacts/find-contacts.ts';
import { Contact, type ListedContact } from '../db/entities/contacts.ts';
import { syncStats } from '../db/queries/contacts/count-contacts.ts';
import { listContacts } from '../db/queries/contacts/find-contacts.ts';
import { contactFields, fieldNames, type FieldName } from '../domain/contact-fields.ts';
import { displayName } from '../domain/contacts.ts';
import { formatPhone } from '../domain/phone.ts';
import { isId } from '../platform/ids.ts';
import { addContactsSync } from './contacts-sync.ts';
import { tenantOption } from './environment.ts';
import { cursorOption, limitOption } from './limit.ts';
import { print, table } from './print.ts';
import { tenantNamed, withContext } from './session.ts';

interface ListOptions {
  tenant: string;
  account?: string;
  group?: string;
  q?: string;
  synced?: boolean;
  missing?: boolean;
  cursor?: string;
  limit: number;
  json?: boolean;
}

export function addContacts(program: Command): void {
  const contacts = program.command('contacts').description("people in the address books of a tenant's accounts");
  contacts
    .command('list', { isDefault: true })
    .description('list contacts, without those that were merged into another')
    .addOption(tenantOption())
    .option('--account <id>', 'only of this account')
    .option('--group <group>', 'only of this group')
    .option('--q <text>', 'only where the names hold these words, or the number these digits')
    .option('--synced', 'only those that the provider has')
    .option('--no-synced', 'only others')
    .option('--missing', 'only those that left the address book')
    .option('--no-missing', 'only others')
    .addOption(cursorOption())
    .addOption(limitOption())
    .option('--json', 'for machines')
    .action(async (options: ListOptions) =>
      print(await list(options), options, (found) => table(found.map(lineOf), 'no contacts')),
    );
  contacts
    .command('show')
    .description('show one contact: fields, where each comes from, aliases, contacts merged into it')
    .argument('<id>', "the contact's id")
    .addOption(tenantOption())
    .option('--json', 'for machines')
    .action(async (id: string, options: { tenant: string; json?: boolean }) =>
      print(await show(id, options.tenant), options, inWords),
    );
  addContactsSync(contacts);
  contacts
    .command('stats')
    .description('count contacts: synced, with names, with pictures, businesses; and when a sync last succeeded')
    .addOption(tenantOption())
    .option('--json', 'for machines')
    .action(async (options: { tenant: string; json?: boolean }) =>
      print(await stats(options.tenant), options, (counts) => lines(Object.entries(counts))),
    );
}

const list = ({ tenant, account, group, q, synced, missing, cursor: after, limit }: ListOptions) =>
  withContext(async ({ db }) => {
    const { id: tenantId } = await tenantNamed(db, tenant);
    return db.tenant(tenantId, async (em) => {
      const of = account === undefined ? undefined : (await anyAccount(em, account)).id;
      const found = await listContacts(em, { account: of, group, q, synced, missing }, { after, limit });
      return found.map(contactJson);
    });
  });

/** A contact as JSON, under the names that the API uses. */
const contactJson = (contact: ListedContact) => ({
  id: contact.id,
  account_id: contact.accountId,
  display_name: displayName(contact),
  display_phone: contact.phoneNumber && formatPhone(contact.phoneNumber),
  name: contact.name,
  ...fieldsJson(contact),
  wasender_jid: contact.identity,
  wasender_sync_status: contact.syncStatus,
  last_updated_from_wasender: contact.updatedFromProviderAt?.toISOString() ?? null,
  groups: contact.groups,
  merged_into: contact.mergedInto,
  created_at: contact.createdAt.toISOString(),
  updated_at: contact.updatedAt.toISOString(),
});

type WireName = (typeof contactFields)[FieldName]['wire'];
const fieldsJson = (contact: ListedContact) =>
  Object.fromEntries(fieldNames.map((name) => [contactFields[name].wire, contact[name]])) as Record<
    WireName,
    string | boolean | null
  >;

const lineOf = (contact: ReturnType<typeof contactJson>) => ({
  id: contact.id,
  name: contact.display_name,
  number: contact.display_phone,
  business: contact.is_business_account ? 'yes' : '',
  synced: contact.wasender_sync_status,
  groups: contact.groups.join(', '),
  account: contact.account_id,
});

const show = (id: string, tenantName: string) =>
  withContext(async ({ db }) => {
    const tenant = await tenantNamed(db, tenantName);
    return db.tenant(tenant.id, async (em) => {
      const contact = isId(id) ? await em.findOne(Contact, { id }) : null;
      if (!contact) throw new Error(`tenant ${tenantName} has no contact ${id}: patchbay contacts list shows them`);
      const { aliases, provenance, merged } = await contactDetails(em, contact);
      return { ...contactJson(contact), aliases, provenance, merged };
    });
  });

function inWords({ aliases, provenance, merged, ...contact }: ReturnType<typeof contactJson> & ContactDetails): string {
  const facts = Object.entries(contact).filter(([, value]) => value !== null);
  const origins = Object.entries(provenance).map(([field, { source, provider, at, from }]) => ({
    field,
    source: provider ?? source,
    at,
    merged_from: from,
  }));
  return [
    lines([
      ...(facts as [string, Fact][]),
      ['aliases', aliases.map(({ value }) => value).join(', ')],
      ...(merged.length ? [['merged', merged.join(', ')] as const] : []),
    ]),
    '',
    table(origins, 'no field is known'),
  ].join('\n');
}

const stats = (tenantName: string) =>
  withContext(async ({ db }) => {
    const tenant = await tenantNamed(db, tenantName);
    // As the tenant: the function counts what its caller may see.
    const { last_sync: last = null, ...numbers } = await db.tenant(tenant.id, syncStats);
    return {
      ...Object.fromEntries(Object.entries(numbers).map(([name, value]) => [name, Number(value)])),
      last_sync: last === null ? null : new Date(last).toISOString(),
    };
  });

type Fact = string | number | boolean | null | readonly string[];

/** Names and values, one a line. */
function lines(facts: readonly (readonly [string, Fact])[]): string {
  const width = Math.max(...facts.map(([name]) => name.length));
  return facts
    .map(([name, value]) => `${name.padEnd(width)}  ${value === null ? 'never' : value.toString()}`)
    .join('\n');
}

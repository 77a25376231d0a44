import type { Command } from 'commander';
import { anyAccount } from '../services/accounts/find-account.ts';
import { contactView, wholeContactView, type WholeContactView } from '../api/views/contact.ts';
import { rows } from '../db/connect.ts';
import { contactsWhere } from '../db/queries/contacts/find-contacts.ts';
import { Contact } from '../db/entities/contacts.ts';
import { isId } from '../platform/ids.ts';
import { addContactsSync } from './contacts-sync.ts';
import { tenantOption } from './environment.ts';
import { limitOption } from './limit.ts';
import { print, table } from './print.ts';
import { tenantNamed, withContext } from './session.ts';

interface ListOptions {
  tenant: string;
  account?: string;
  group?: string;
  search?: string;
  synced?: boolean;
  after?: string;
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
    .option('--search <text>', 'only where the names hold these words, or the number these digits')
    .option('--synced', 'only whom the provider told of')
    .option('--no-synced', 'only others')
    .option('--after <id>', 'go on after this contact')
    .addOption(limitOption())
    .option('--json', 'for machines')
    .action(async (options: ListOptions) =>
      print(await list(options), options, (found) => table(found.map(lineOf), 'no contacts')),
    );
  contacts
    .command('show')
    .description('show one contact: fields, where each comes from, aliases, what was merged into it')
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

const list = ({ tenant, account, group, search, synced, after, limit }: ListOptions) =>
  withContext(async ({ db }) => {
    const { id: tenantId } = await tenantNamed(db, tenant);
    if (after !== undefined && !isId(after)) throw new Error(`${after} is no contact's id`);
    return db.tenant(tenantId, async (em) => {
      const of = account === undefined ? undefined : (await anyAccount(em, account)).id;
      const { sql, params } = contactsWhere({ account: of, group, q: search, synced });
      const ids = await rows<{ id: string }>(
        em,
        `select c.id from contacts c where ${sql} ${after ? 'and c.id > ?' : ''} order by c.id limit ?`,
        [...params, ...(after ? [after] : []), limit],
      );
      const found = await em.find(
        Contact,
        { id: { $in: ids.map(({ id }) => id) } },
        { orderBy: { id: 'asc' }, exclude: ['rawWasenderData'] },
      );
      return found.map(contactView);
    });
  });

const lineOf = (contact: ReturnType<typeof contactView>) => ({
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
      return wholeContactView(em, contact, null);
    });
  });

function inWords({ aliases, provenance, merged, ...contact }: WholeContactView): string {
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
    const [counts] = await db.tenant(tenant.id, (em) =>
      rows<Record<string, string | null>>(em, 'select * from get_wasender_sync_stats()'),
    );
    const { last_sync: last = null, ...numbers } = counts ?? {};
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

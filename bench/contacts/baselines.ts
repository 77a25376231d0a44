import { defineEntity, MikroORM, p } from '@mikro-orm/postgresql';
import type pg from 'pg';
import { pageSize } from '../../services/contacts/read-contacts.ts';
import { type SeenContact, withoutRepeats } from '../../domain/contacts.ts';
import { newId } from '../../platform/ids.ts';
import type { ContactReader, ProviderCall } from '../../providers/provider.ts';

/**
 * A copy of the product's table with its indexes, and a unique key by JID instead of aliases. No foreign keys, no
 * row-level security, no encryption, no origins of fields.
 */
export const baselineTable = 'bench.contacts';

export const createBaselineTable = `
create schema if not exists bench;
create table ${baselineTable} (like contacts including all, unique (account_id, wasender_jid))`;

export interface ContactOwner {
  tenantId: string;
  accountId: string;
}

const rowOf = ({ tenantId, accountId }: ContactOwner, seen: SeenContact, now: Date) => ({
  id: newId(),
  tenant_id: tenantId,
  account_id: accountId,
  phone_number: seen.phone,
  saved_name: seen.name,
  push_name: seen.pushName,
  name: seen.name ?? seen.pushName,
  verified_name: seen.verifiedName,
  company: seen.company,
  profile_image_url: seen.pictureUrl ?? null,
  picture_at: seen.pictureUrl === undefined ? null : now,
  whatsapp_status: seen.status,
  is_business_account: seen.isBusiness,
  wasender_jid: seen.id,
  wasender_sync_status: 'synced',
  last_updated_from_wasender: now,
  raw_wasender_data: JSON.stringify(seen.raw),
  created_at: now,
  updated_at: now,
});

/** Changed by a later sync of the same contact. */
const synced = [
  'phone_number',
  'saved_name',
  'push_name',
  'name',
  'verified_name',
  'company',
  'profile_image_url',
  'whatsapp_status',
  'is_business_account',
  'raw_wasender_data',
];
const tuple = (of: string): string => `(${synced.map((name) => `${of}.${name}`).join(', ')})`;

/** Writes a page in one statement; unchanged rows are not rewritten. */
const upsert = (columns: string): string => `
insert into ${baselineTable} as old (${columns})
select ${columns} from jsonb_populate_recordset(null::${baselineTable}, $1::jsonb)
on conflict (account_id, wasender_jid) do update set
  ${synced.map((name) => `${name} = excluded.${name}`).join(',\n  ')},
  picture_at = excluded.picture_at,
  last_updated_from_wasender = excluded.last_updated_from_wasender,
  updated_at = excluded.updated_at
where ${tuple('old')} is distinct from ${tuple('excluded')}`;

/**
 * The simplest sync: the same call, and pages of the same size, one statement each. It cannot resume after a crash.
 * Returns the number of entries.
 */
export async function bareLoop(
  reader: ContactReader,
  call: ProviderCall,
  client: pg.Client,
  owner: ContactOwner,
): Promise<number> {
  const all = await reader.all(call);
  for (let at = 0; at < all.contacts.length; at += pageSize) {
    const now = new Date();
    const page = withoutRepeats(all.contacts.slice(at, at + pageSize));
    const rows = page.map((seen) => rowOf(owner, seen, now));
    const text = upsert(Object.keys(rows[0] ?? {}).join(', '));
    await client.query({ name: 'upsert', text, values: [JSON.stringify(rows)] });
  }
  return all.delivered;
}

const Row = defineEntity({
  name: 'BenchContact',
  tableName: baselineTable,
  properties: {
    id: p.uuid().primary(),
    tenant_id: p.uuid(),
    account_id: p.uuid(),
    phone_number: p.text().nullable(),
    saved_name: p.text().nullable(),
    push_name: p.text().nullable(),
    name: p.text().nullable(),
    verified_name: p.text().nullable(),
    company: p.text().nullable(),
    profile_image_url: p.text().nullable(),
    picture_at: p.datetime().nullable(),
    whatsapp_status: p.text().nullable(),
    is_business_account: p.boolean(),
    wasender_jid: p.text(),
    wasender_sync_status: p.text(),
    last_updated_from_wasender: p.datetime().nullable(),
    raw_wasender_data: p.text().nullable(),
    created_at: p.datetime(),
    updated_at: p.datetime(),
  },
});

export const openOrm = (url: string): Promise<MikroORM> =>
  MikroORM.init({ clientUrl: url, entities: [Row], ensureDatabase: false, logger: () => {} });

/** The common way: one ORM upsert and one transaction for each row. Returns the number of rows. */
export async function ormRows(
  orm: MikroORM,
  reader: ContactReader,
  call: ProviderCall,
  owner: ContactOwner,
  limit: number,
): Promise<number> {
  let written = 0;
  for (let cursor: string | null = null, more = true; more && written < limit;) {
    const page = await reader.page(call, cursor);
    // A unit of work for each page: its identity map must not grow.
    const em = orm.em.fork();
    for (const seen of page.contacts.slice(0, limit - written)) {
      await em.upsert(Row, rowOf(owner, seen, new Date()), {
        onConflictFields: ['account_id', 'wasender_jid'],
        onConflictExcludeFields: ['id', 'created_at'],
      });
      written += 1;
    }
    cursor = page.cursor;
    more = cursor !== null;
  }
  return written;
}

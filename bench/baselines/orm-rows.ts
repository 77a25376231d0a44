import { defineEntity, MikroORM, p } from '@mikro-orm/postgresql';
import type { ContactReader, ProviderCall } from '../../providers/provider.ts';
import { baselineTable, rowOf, type Whose } from './table.ts';

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

/** The common way: each row by itself through the ORM's upsert, each its own transaction. Answers how many. */
export async function ormRows(
  orm: MikroORM,
  reader: ContactReader,
  call: ProviderCall,
  whose: Whose,
  limit: number,
): Promise<number> {
  let written = 0;
  for (let cursor: string | null = null, more = true; more && written < limit;) {
    const page = await reader.page(call, cursor);
    // A unit of work for each page, so that what it remembers does not grow.
    const em = orm.em.fork();
    for (const seen of page.contacts.slice(0, limit - written)) {
      await em.upsert(Row, rowOf(whose, seen, new Date()), {
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

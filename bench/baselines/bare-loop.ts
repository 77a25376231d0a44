import type pg from 'pg';
import { pageSize } from '../../services/contacts/read-contacts.ts';
import { withoutRepeats } from '../../domain/contacts.ts';
import type { ContactReader, ProviderCall } from '../../providers/provider.ts';
import { baselineTable, rowOf, type Whose } from './table.ts';

/** What a later sight of the same person changes. */
const told = [
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
const tuple = (of: string): string => `(${told.map((name) => `${of}.${name}`).join(', ')})`;

/** A page as one statement; rows that say the same as before stay as they are. */
const upsert = (columns: string): string => `
insert into ${baselineTable} as old (${columns})
select ${columns} from jsonb_populate_recordset(null::${baselineTable}, $1::jsonb)
on conflict (account_id, wasender_jid) do update set
  ${told.map((name) => `${name} = excluded.${name}`).join(',\n  ')},
  picture_at = excluded.picture_at,
  last_updated_from_wasender = excluded.last_updated_from_wasender,
  updated_at = excluded.updated_at
where ${tuple('old')} is distinct from ${tuple('excluded')}`;

/**
 * The simplest thing that could work: fetch the book by the same call, write it in the same pages, one statement each.
 * Nothing of it survives a crash. Answers the entries delivered.
 */
export async function bareLoop(
  reader: ContactReader,
  call: ProviderCall,
  client: pg.Client,
  whose: Whose,
): Promise<number> {
  const book = await reader.all(call);
  for (let at = 0; at < book.contacts.length; at += pageSize) {
    const now = new Date();
    const page = withoutRepeats(book.contacts.slice(at, at + pageSize));
    const rows = page.map((seen) => rowOf(whose, seen, now));
    const text = upsert(Object.keys(rows[0] ?? {}).join(', '));
    await client.query({ name: 'upsert', text, values: [JSON.stringify(rows)] });
  }
  return book.delivered;
}

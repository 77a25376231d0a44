import { namedInTimeline, reactedTo, type PersonRows } from '../erasures/person-rows.ts';
import type { Em } from '../../connect.ts';
import { rows, sql, type Sql } from '../../sql.ts';

/** What an export of a person reads from tables. */
export const personTables = [
  'contacts',
  'contact_aliases',
  'conversations',
  'attendees',
  'messages',
  'attachments',
  'message_receipts',
  'reactions',
  'message_effects',
  'account_events',
] as const;
export type PersonTable = (typeof personTables)[number];

/** Who is meant, in all accounts. */
export interface ExportedPerson extends PersonRows {
  contacts: string[];
  /** Texts that name the person. */
  traces: string[];
}

/** Rows of a table that are a person's, after one of them. */
export const rowsOfPerson = (
  em: Em,
  table: PersonTable,
  person: ExportedPerson,
  after: string,
  limit: number,
): Promise<{ row: Record<string, unknown>; key: string[] }[]> =>
  rows(
    em,
    sql`select row, jsonb_build_array(key) as key from (${sources[table](person)}) of_person
        where key > ${after} order by key limit ${limit}`,
  );

const own = ({ conversations, attendees }: ExportedPerson): Sql =>
  sql`(m.conversation_id = any(${conversations}::uuid[]) or m.sender_id = any(${attendees}::uuid[]))`;

/** The key is a text without a counterpart among letters that sort otherwise: ids, and words of ours behind them. */
const sources: Readonly<Record<PersonTable, (person: ExportedPerson) => Sql>> = {
  contacts: ({ contacts }) =>
    sql`select to_jsonb(c) as row, c.id::text collate "C" as key from contacts c where c.id = any(${contacts}::uuid[])`,
  contact_aliases: ({ contacts }) =>
    sql`select to_jsonb(a) - 'content_hash' as row,
          (a.account_id::text || '/' || a.kind || '/' || a.value) collate "C" as key
        from contact_aliases a where a.contact_id = any(${contacts}::uuid[])`,
  conversations: ({ conversations }) =>
    sql`select to_jsonb(c) as row, c.id::text collate "C" as key from conversations c
        where c.id = any(${conversations}::uuid[])`,
  attendees: ({ attendees }) =>
    sql`select to_jsonb(a) as row, a.id::text collate "C" as key from attendees a where a.id = any(${attendees}::uuid[])`,
  messages: (person) =>
    sql`select to_jsonb(m) - 'search' as row, m.id::text collate "C" as key from messages m where ${own(person)}`,
  attachments: (person) =>
    sql`select to_jsonb(a) - 'source' as row, a.id::text collate "C" as key
        from messages m join attachments a on a.message_id = m.id where ${own(person)}`,
  message_receipts: ({ attendees }) =>
    sql`select to_jsonb(r) as row, (r.message_id::text || '/' || r.attendee_id) collate "C" as key
        from message_receipts r where r.attendee_id = any(${attendees}::uuid[])`,
  reactions: (person) =>
    sql`select jsonb_build_object('message_id', m.id, 'conversation_id', m.conversation_id, 'reactions', (
            select jsonb_agg(r) from jsonb_array_elements(m.reactions) r
            where (r ->> 'by')::uuid = any(${person.attendees}::uuid[]))) as row,
          m.id::text collate "C" as key
        from messages m where not coalesce(${own(person)}, false) and ${reactedTo(person)}`,
  message_effects: ({ attendees }) =>
    sql`select to_jsonb(e) as row, (e.account_id::text || '/' || e.key || '/' || e.digest) collate "C" as key
        from accounts o join message_effects e on e.account_id = o.id
        where (e.effect ->> 'by')::uuid = any(${attendees}::uuid[])`,
  account_events: ({ traces }) =>
    sql`select to_jsonb(e) as row, e.id::text collate "C" as key from account_events e where ${namedInTimeline(traces)}`,
};

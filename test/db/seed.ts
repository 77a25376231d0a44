import type { Em } from '../../db/connect.ts';
import { runSql } from '../support/run-sql.ts';
import { newId } from '../../platform/ids.ts';

export interface Table {
  name: string;
  columns: { name: string; type: string; nullable: boolean; references: string | null }[];
}

/** Its id, or the first column of a combined key. */
export const keyColumn = ({ columns }: Table): string => columns[0]?.name ?? 'id';

/** The column with the row's tenant. */
export const tenantColumn = (table: string): string => (table === 'tenants' ? 'id' : 'tenant_id');

/** Referenced tables first, in the order of their creation. */
export async function tablesOf(em: Em): Promise<Table[]> {
  const found = await runSql<{
    table: string;
    name: string;
    type: string;
    nullable: boolean;
    references: string | null;
  }>(
    em,
    `select c.relname as table, a.attname as name, format_type(a.atttypid, null) as type, not a.attnotnull as nullable,
       (select f.confrelid::regclass::text from pg_constraint f
        where f.contype = 'f' and f.conrelid = c.oid and f.conkey = array[a.attnum]) as references
     from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
     where a.attgenerated = '' and c.relkind in ('r', 'p') and not c.relispartition and c.relnamespace = 'public'::regnamespace and c.relname <> 'schema_migrations'
     order by c.oid, a.attnum`,
  );
  const tables = new Map<string, Table>();
  for (const { table, ...column } of found) {
    const known = tables.get(table) ?? { name: table, columns: [] };
    known.columns.push(column);
    tables.set(table, known);
  }
  return [...tables.values()];
}

const values: Record<string, () => unknown> = {
  uuid: newId,
  text: newId,
  'text[]': () => '{}',
  jsonb: () => '{}',
  integer: () => 1,
  'integer[]': () => '{}',
  bigint: () => 1,
  real: () => 0,
  'double precision': () => 0,
  bytea: () => Buffer.from('seen'),
  boolean: () => false,
  'timestamp with time zone': () => new Date(),
  date: () => '2026-05-04',
};

/** Fills columns that may not be null and are not given; returns the row's key. */
export async function insertRow(em: Em, table: Table, given: Record<string, unknown>): Promise<string> {
  const row: Record<string, unknown> = {};
  for (const { name, type, nullable } of table.columns) {
    if (name in given) row[name] = given[name];
    else if (!nullable) row[name] = values[type]?.();
  }
  const names = Object.keys(row);
  await runSql(
    em,
    `insert into ${table.name} (${names.join(', ')}) values (${names.map(() => '?').join(', ')})`,
    Object.values(row),
  );
  return row[keyColumn(table)] as string;
}

/** References that follow from another column of the table. */
const implied: Record<string, string> = {
  tenant_id: 'tenants',
  account_id: 'accounts',
  contact_id: 'contacts',
  credentials_id: 'provider_credentials',
  request_id: 'webhook_requests',
  event_id: 'webhook_events',
};

/** One row of a tenant in each table, related to each other; returns their keys by table. System role. */
export async function seedTenant(em: Em, tables: Table[]): Promise<Record<string, string>> {
  const ids: Record<string, string> = {};
  for (const table of tables) {
    const links = table.columns.map(({ name, references }) => [name, ids[references ?? implied[name] ?? '']]);
    const given = Object.fromEntries(links.filter(([, id]) => id !== undefined));
    // Rows of other tables made events, marks and counts of their own.
    if (['events', 'analytics_marks', 'account_counts'].includes(table.name))
      await runSql(em, `delete from ${table.name} where tenant_id = ?`, [ids['tenants']]);
    ids[table.name] = await insertRow(em, table, given);
  }
  // So did rows of tables that came later.
  await runSql(em, 'delete from events where tenant_id = ? and stamp > 1', [ids['tenants']]);
  return ids;
}

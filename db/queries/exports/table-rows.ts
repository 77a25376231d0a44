import type { Em } from '../../connect.ts';
import { rows, sql } from '../../sql.ts';

/** Names in SQL are of ours: no caller chooses them. */
interface TableOfRows {
  name: string;
  /** Columns by which it is read, with their types. */
  keys: Readonly<Record<string, string>>;
  withheld?: readonly string[];
}

/** A row as JSON, and its key as texts. */
export interface TableRow {
  row: Record<string, unknown>;
  key: string[];
}

/** The next rows of a table after a key, of the tenant alone. */
export async function tableRows(
  em: Em,
  tenantId: string,
  { name, keys, withheld = [] }: TableOfRows,
  after: readonly string[] | null,
  limit: number,
): Promise<TableRow[]> {
  const columns = Object.keys(keys).map((key) => sql.ref(`t.${key}`));
  const place =
    after &&
    sql`and (${sql.join(columns)}) > (${sql.join(
      Object.values(keys).map((type, n) => sql`${after[n] ?? ''}::${sql.raw(type)}`),
    )})`;
  const own = name === 'tenants' ? sql`t.id` : sql`t.tenant_id`;
  return rows(
    em,
    sql`select to_jsonb(t) - ${[...withheld]}::text[] as row,
          jsonb_build_array(${sql.join(columns.map((column) => sql`(${column})::text`))}) as key
        from ${sql.ref(name)} t where ${own} = ${tenantId}::uuid ${place ?? sql``}
        order by ${sql.join(columns)} limit ${limit}`,
  );
}

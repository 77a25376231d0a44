import { sql, type RawBuilder } from 'kysely';
import type { Em } from './connect.ts';
import { preparedMark } from './prepared-statements.ts';

export { sql };
export type Sql = RawBuilder<unknown>;

/** Values are bound where they stand, lists too (`any(${ids}::uuid[])`). Times come back as text. */
export async function rows<T>(em: Em, statement: Sql): Promise<T[]> {
  const { rows: found } = await statement.execute(em.getKysely());
  return found as T[];
}

/**
 * A statement that PostgreSQL plans once for a connection of intake or authentication, not each time. Of few texts alone: lists
 * are bound as arrays or by `recordset`, never value by value.
 */
export const prepared = (statement: Sql): Sql => sql`${sql.raw(preparedMark)} ${statement}`;

/** Parts of one statement, by name. */
export type Parts = readonly (readonly [name: string, part: Sql])[];

/** Executes parts as one prepared statement; each may read the answers of those before it. Of none it executes nothing. */
export async function executeParts(em: Em, parts: Parts): Promise<void> {
  const [, last] = parts.at(-1) ?? [];
  if (!last) return;
  const before = parts.slice(0, -1).map(([name, part]) => sql`${sql.ref(name)} as (${part})`);
  await rows(em, prepared(before.length ? sql`with ${sql.join(before)} ${last}` : last));
}

/**
 * A list of objects as a table with `columns`, for `from`. PostgreSQL assumes 100 rows of every such list, and reads whole
 * tables for them; the limit tells how many there are.
 */
export const recordset = (list: readonly object[], columns: Sql): Sql =>
  sql`(select * from jsonb_to_recordset(${JSON.stringify(list)}::jsonb) as list ${columns} limit ${list.length})`;

import type { RawBuilder } from 'kysely';
import type { Em } from './connect.ts';

export { sql } from 'kysely';
/** A statement, or a part of one, with its values. */
export type Sql = RawBuilder<unknown>;

/**
 * Rows of a hand-written statement, in the transaction of `em`. Values are bound where they stand in the template, lists
 * too (`any(${ids}::uuid[])`). Times come back as text. Throws PostgreSQL's own error.
 */
export async function rows<T>(em: Em, statement: Sql): Promise<T[]> {
  const { rows: found } = await statement.execute(em.getKysely());
  return found as T[];
}

import type { RawBuilder } from 'kysely';
import type { Em } from './connect.ts';

export { sql } from 'kysely';
export type Sql = RawBuilder<unknown>;

/** Values are bound where they stand, lists too (`any(${ids}::uuid[])`). Times come back as text. */
export async function rows<T>(em: Em, statement: Sql): Promise<T[]> {
  const { rows: found } = await statement.execute(em.getKysely());
  return found as T[];
}

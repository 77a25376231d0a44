import type { Em } from '../../connect.ts';
import { rows, sql } from '../../sql.ts';

/** An answer kept for repeats of a request. */
export interface StoredAnswer {
  id: string;
  /** Sealed. */
  response: string;
}

/** The tenant's stored answers after `after`, by id. */
export const answersAfter = (em: Em, after: string, limit: number): Promise<StoredAnswer[]> =>
  rows<StoredAnswer>(
    em,
    sql`select id, response from idempotency_keys where response is not null and id > ${after} order by id limit ${limit}`,
  );

/** Puts another answer, of status 410, in the place of one that is still as it was read; answers whether it was. */
export async function replaceAnswer(em: Em, { id, response }: StoredAnswer, other: string): Promise<boolean> {
  const replaced = await rows(
    em,
    sql`update idempotency_keys set status = 410, response = ${other} where id = ${id} and response = ${response}
      returning id`,
  );
  return replaced.length > 0;
}

import type { Em } from '../../connect.ts';
import { rows, sql } from '../../sql.ts';

export interface StoredAnswer {
  id: string;
  response: string;
}

export const answersAfter = (em: Em, after: string, limit: number): Promise<StoredAnswer[]> =>
  rows<StoredAnswer>(
    em,
    sql`select id, response from idempotency_keys where response is not null and id > ${after} order by id limit ${limit}`,
  );

/** Replaces an unchanged answer by one of status 410; false where it changed meanwhile. */
export async function replaceAnswer(em: Em, { id, response }: StoredAnswer, other: string): Promise<boolean> {
  const replaced = await rows(
    em,
    sql`update idempotency_keys set status = 410, response = ${other} where id = ${id} and response = ${response}
      returning id`,
  );
  return replaced.length > 0;
}

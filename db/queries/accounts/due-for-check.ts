import type { Em } from '../../connect.ts';
import { rows, sql } from '../../sql.ts';

/** Has a connected account checked soon: something that was asked of its provider failed as if the login were lost. */
export async function dueForCheck(em: Em, accountId: string, now: Date): Promise<void> {
  await rows(em, sql`update accounts set check_due_at = ${now} where id = ${accountId} and check_due_at > ${now}`);
}

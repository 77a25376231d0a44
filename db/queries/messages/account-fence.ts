import type { Em } from '../../connect.ts';
import { rows, sql, type Sql } from '../../sql.ts';

const fenceKey = (accountId: Sql) => sql`hashtextextended('messages/' || ${accountId}, 0)`;

/** For writers of messages: a table of the accounts, each locked against a purge until the transaction ends. */
export const enteredAccounts = (ids: readonly string[]): Sql =>
  sql`select id, pg_advisory_xact_lock_shared(${fenceKey(sql`id`)})::text as locked from (
    select distinct id from unnest(${ids}::text[]) as given (id) order by id) g`;

/** An account was disconnected, and perhaps purged, while its messages were being written: nothing of them may be kept. */
export class AccountReleasedError extends Error {
  override readonly name = 'AccountReleasedError';
}

/** Waits for those that write messages of the account, and deletes all of them. */
export async function deleteAccountMessages(em: Em, accountId: string): Promise<void> {
  await rows(em, sql`select pg_advisory_xact_lock(${fenceKey(sql`${accountId}::text`)})::text`);
  for (const table of ['conversations', 'attendees', 'provider_keys', 'message_effects'])
    await rows(em, sql`delete from ${sql.table(table)} where account_id = ${accountId}`);
}

import type { Em } from '../../connect.ts';
import { rows, sql } from '../../sql.ts';

/** `locked` by another transaction; `requested` before by a repeat of the event. */
export type CheckOutcome = 'checked' | 'requested' | 'locked';

/** Skips accounts that another transaction holds: intake never waits. System role. */
export async function requestFreeChecks(
  em: Em,
  fresh: readonly string[],
  repeated: readonly string[],
  now: Date,
): Promise<(accountId: string) => CheckOutcome> {
  const done = await rows<{ id: string; due: boolean }>(
    em,
    sql`with free as (
        select id, id = any(${fresh}::uuid[]) or check_requested_at is null as due from accounts
        where id = any(${[...fresh, ...repeated]}::uuid[]) order by id for no key update skip locked),
      checked as (update accounts a set check_requested_at = ${now} from free where a.id = free.id and free.due)
      select id, due from free`,
  );
  const outcomes = new Map(done.map(({ id, due }) => [id, due ? 'checked' : 'requested'] as const));
  return (id) => outcomes.get(id) ?? 'locked';
}

/** Waits for the account's lock. */
export async function requestCheck(em: Em, accountId: string, now: Date): Promise<void> {
  await rows(em, sql`update accounts set check_requested_at = ${now} where id = ${accountId}`);
}

import type { Em } from '../../connect.ts';
import { rows, sql } from '../../sql.ts';

/** `noted` on an account whose check is requested already: it needs no signal. `locked` by another transaction. */
export type CheckOutcome = 'requested' | 'noted' | 'locked';

/**
 * Requests the checks of `checked`; notes on those of `noted` that the provider reported something, or requests their checks
 * where none is. Skips accounts that another transaction holds: intake never waits. System role.
 */
export async function requestFreeChecks(
  em: Em,
  checked: readonly string[],
  noted: readonly string[],
  now: Date,
): Promise<(accountId: string) => CheckOutcome> {
  const done = await rows<{ id: string; due: boolean }>(
    em,
    sql`with free as (
        select id, id = any(${checked}::uuid[]) or check_requested_at is null as due from accounts
        where id = any(${[...checked, ...noted]}::uuid[]) order by id for no key update skip locked),
      done as (
        update accounts a set check_requested_at = case when due then ${now}::timestamptz else check_requested_at end,
          reported_since = true
        from free where a.id = free.id)
      select id, due from free`,
  );
  const outcomes = new Map(done.map(({ id, due }) => [id, due ? 'requested' : 'noted'] as const));
  return (id) => outcomes.get(id) ?? 'locked';
}

/** Waits for the account's lock. */
export async function requestCheck(em: Em, accountId: string, now: Date): Promise<void> {
  await rows(em, sql`update accounts set check_requested_at = ${now} where id = ${accountId}`);
}

/** An account is checked again for reports that change nothing this long after its details were collected, in seconds. */
const detailsRest = 60;

/**
 * Has connected accounts checked soon, which collects their details. Skips accounts that another transaction holds: intake
 * never waits. System role.
 */
export async function checkSoon(em: Em, accounts: readonly string[], now: Date): Promise<void> {
  await rows(
    em,
    sql`update accounts a set check_due_at = free.at from (
          select id, greatest(${now}::timestamptz, details_at + ${detailsRest} * interval '1 second') as at from accounts
          where id = any(${accounts}::uuid[]) and check_requested_at is null
          order by id for no key update skip locked) free
        where a.id = free.id and a.check_due_at > free.at`,
  );
}

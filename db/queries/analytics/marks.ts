import type { Em } from '../../connect.ts';
import { rows, sql, type Sql } from '../../sql.ts';

const batch = 20_000;

/** Gives a claim marks that no run has, and those that earlier runs left. Answers how many; call again while it is not 0. System role. */
export async function claimMarks(em: Em, claim: string): Promise<number> {
  const [found] = await rows<{ claimed: number }>(
    em,
    sql`with claimed as (
          update analytics_marks set claim = ${claim} where ctid = any(array(
            select ctid from analytics_marks where claim is distinct from ${claim}::uuid limit ${batch}))
          returning 1)
        select count(*)::int as claimed from claimed`,
  );
  return found?.claimed ?? 0;
}

/** The number of this transaction: every transaction that writes already has a smaller one. */
export async function ownNumber(em: Em): Promise<string> {
  const [found] = await rows<{ number: string }>(em, sql`select pg_current_xact_id()::text as number`);
  return found?.number ?? '0';
}

/**
 * Whether every transaction up to this number, which has ended itself, has ended. A writer that found an hour marked left no mark
 * of its own: once the marks are claimed and it has ended, what it wrote can be counted.
 */
export async function haveEnded(em: Em, number: string): Promise<boolean> {
  const [found] = await rows<{ ended: boolean }>(
    em,
    sql`select pg_snapshot_xmin(pg_current_snapshot()) > ${number}::xid8 as ended`,
  );
  return found?.ended === true;
}

const lockOf = (accountId: Sql): Sql => sql`hashtextextended('analytics/' || ${accountId}, 0)`;

/** For whatever writes figures of accounts: their days until the end of the transaction. Taken before locks on messages. */
export async function lockDays(em: Em, accountIds: readonly string[]): Promise<void> {
  await rows(
    em,
    sql`select pg_advisory_xact_lock(${lockOf(sql`id`)})::text from (
          select distinct id from unnest(${accountIds}::text[]) as given (id) order by id) g`,
  );
}

export interface MarkedAccount {
  accountId: string;
  tenantId: string;
}

/** The next accounts of a claim, by id; `isWhole`: all that they have is marked. System role. */
export const markedAccounts = (
  em: Em,
  claim: string,
  after: string,
  limit: number,
): Promise<(MarkedAccount & { isWhole: boolean })[]> =>
  rows(
    em,
    sql`select account_id as "accountId", min(tenant_id::text) as "tenantId", bool_or(hour = '-infinity') as "isWhole"
        from analytics_marks
        where claim = ${claim} and account_id > ${after}::uuid group by account_id order by account_id limit ${limit}`,
  );

/** Locks the days of those accounts that nothing else works on; answers which. */
export async function tryLockDays(em: Em, accounts: readonly MarkedAccount[]): Promise<MarkedAccount[]> {
  const free = await rows<{ id: string }>(
    em,
    sql`select id from unnest(${accounts.map(({ accountId }) => accountId)}::text[]) as given (id)
        where pg_try_advisory_xact_lock(${lockOf(sql`id`)})`,
  );
  const ids = new Set(free.map(({ id }) => id));
  return accounts.filter(({ accountId }) => ids.has(accountId));
}

/** A day of an account, in the tenant's time zone. */
export interface AccountDayRef extends MarkedAccount {
  /** Such as `2026-03-29`. */
  day: string;
}

/** What marks say: days to count, and accounts of which everything, or what is kept of conversations that are gone. */
export interface Marked {
  days: AccountDayRef[];
  whole: string[];
  withGone: string[];
}

/**
 * Takes the marks of these accounts, whose days are locked. The tenants are locked against a change of their time zone until the
 * transaction ends. An hour may lie in two days: of a zone whose offset is no whole hour.
 */
export async function takeMarks(em: Em, claim: string, accounts: readonly MarkedAccount[]): Promise<Marked> {
  const tenants = accounts.map(({ tenantId }) => tenantId);
  await rows(em, sql`select from tenants where id = any(${tenants}::uuid[]) order by id for share`);
  const taken = await rows<MarkedAccount & { kind: 'day' | 'whole' | 'gone'; day: string | null }>(
    em,
    sql`with taken as (
          delete from analytics_marks
          where claim = ${claim} and account_id = any(${accounts.map(({ accountId }) => accountId)}::uuid[])
          returning tenant_id, account_id, hour)
        select distinct m.account_id as "accountId", m.tenant_id as "tenantId",
          case m.hour when '-infinity' then 'whole' when 'infinity' then 'gone' else 'day' end as kind, d.day::text
        from taken m join tenants t on t.id = m.tenant_id
        left join lateral (
          select distinct (e.at at time zone t.time_zone)::date as day
          from (values (m.hour), (m.hour + interval '59 minutes 59.999999 seconds')) e (at)) d on isfinite(m.hour)`,
  );
  const of = (kind: string): string[] => taken.flatMap((one) => (one.kind === kind ? [one.accountId] : []));
  const days = taken.flatMap(({ accountId, tenantId, day }) => (day === null ? [] : [{ accountId, tenantId, day }]));
  return { days, whole: of('whole'), withGone: of('gone') };
}

import type { Em } from '../../connect.ts';
import { rows, sql } from '../../sql.ts';

/** Has accounts visited by the next sweep; those that are visited now, once more right after. Answers which are connected. */
export async function requestVisits(em: Em, accounts: readonly string[] | 'all', now: Date): Promise<string[]> {
  const chosen = accounts === 'all' ? sql`true` : sql`account_id = any(${accounts}::uuid[])`;
  const found = await rows<{ id: string }>(
    em,
    sql`update account_visits set again = lease is not null, due_at = case when lease is null then ${now} else due_at end
        where due_at is not null and account_id in (
          select account_id from account_visits where ${chosen} order by account_id for no key update)
        returning account_id as id`,
  );
  return found.map(({ id }) => id);
}

/** What is due of visits, as gauges show it. */
export interface VisitCensus {
  due: number;
  overdue: number;
  /** Accounts whose stored details are not right. */
  faulty: number;
  /** Accounts whose events do not all come here, as their provider says. */
  wrongWebhooks: number;
  /** Accounts that are silent for longer than usual, and it is not known why. */
  silent: number;
}

/** Over all tenants, without credentials whose key is refused. System role. */
export async function visitCensus(em: Em, now: Date, overdueBefore: Date): Promise<VisitCensus> {
  const [found] = await rows<VisitCensus>(
    em,
    sql`select count(*) filter (where v.due_at <= ${now} and v.lease is null)::int as due,
          count(*) filter (where v.due_at <= ${overdueBefore})::int as overdue,
          count(*) filter (where cardinality(v.details_faults) > 0)::int as faulty,
          count(*) filter (where v.webhook_state <> 'ok')::int as "wrongWebhooks",
          count(*) filter (where v.silent_since is not null
            and coalesce(v.silence_explained_at < v.silent_since, true))::int as silent
        from account_visits v left join provider_credentials c on c.id = v.credentials_id
        where v.due_at is not null and c.refused_at is null`,
  );
  return found ?? { due: 0, overdue: 0, faulty: 0, wrongWebhooks: 0, silent: 0 };
}

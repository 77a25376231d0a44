import type { Em } from '../../connect.ts';
import { rows, sql } from '../../sql.ts';

/** Where errors of an account come from. */
export const errorSources = ['attempts', 'syncs', 'sends', 'webhook_events'] as const;
type ErrorSource = (typeof errorSources)[number];

/** Errors of one class. */
export interface ErrorClass {
  source: ErrorSource;
  /** A failure code; of webhook events `not_readable` or `not_applied`. */
  code: string;
  errors: number;
  lastAt: Date;
}

/** The newest failures of a source that are looked at. */
const most = 500;

/** What failed of an account since a time, by source and code, the newest first. */
export async function errorsOf(
  em: Em,
  { accountId, tenantId }: { accountId: string; tenantId: string },
  since: Date,
): Promise<ErrorClass[]> {
  const found = await rows<Omit<ErrorClass, 'lastAt'> & { lastAt: string }>(
    em,
    sql`with failed as (
          (select 'attempts' as source, reason as code, ended_at as at from (
             select state, reason, ended_at from connection_attempts
             where account_id = ${accountId}::uuid order by number desc limit ${most}) newest
           where state = 'failed' and ended_at > ${since})
          union all
          (select 'syncs', reason, ended_at from sync_runs
           where account_id = ${accountId}::uuid and state = 'failed' and ended_at > ${since}
           order by ended_at desc limit ${most})
          union all
          (select 'sends', reason, ended_at from message_sends
           where account_id = ${accountId}::uuid and state = 'failed' and ended_at > ${since}
           order by ended_at desc limit ${most})
          union all
          (select 'webhook_events', case kind when 'unreadable' then 'not_readable' else 'not_applied' end, received_at from (
             select account_id, kind, received_at from webhook_events
             where tenant_id = ${tenantId}::uuid and state = 'failed' and received_at > ${since}
             order by id desc limit ${most}) newest
           where account_id = ${accountId}::uuid))
        select source, coalesce(code, 'unexpected') as code, count(*)::int as errors, max(at)::text as "lastAt"
        from failed group by 1, 2 order by max(at) desc, 1, 2`,
  );
  return found.map((one) => ({ ...one, lastAt: new Date(one.lastAt) }));
}

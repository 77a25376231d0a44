import type { Em } from '../../connect.ts';
import { rows, sql } from '../../sql.ts';
import type { StalledAccount } from './stalled-accounts.ts';

export interface StalledQueue extends StalledAccount {
  /** Changes with each step of the queue. */
  mark: string;
}

/**
 * Accounts of which a message was due `graceMs` ago and that no worker sends for: they work, or what they hold must end.
 * System role.
 */
export function stalledQueues(
  em: Em,
  now: Date,
  graceMs: number,
  after: string,
  limit: number,
): Promise<StalledQueue[]> {
  const due = new Date(now.getTime() - graceMs);
  return rows(
    em,
    sql`select a.id, a.tenant_id, a.channel, a.provider, s.mark
        from (
          select account_id, min(next_try_at)::text || '/' || sum(tries + looks) as mark from message_sends
          where state in ('queued', 'sending', 'unclear') and next_try_at <= ${due} and account_id > ${after}::uuid
          group by account_id) as s
        join accounts a on a.id = s.account_id
        join send_queues q on q.account_id = s.account_id
        where (q.sleeps or q.lease_until is null or q.lease_until < ${now})
          and (q.holds_until is null or q.holds_until <= ${due})
          and (a.state in ('active', 'disconnected', 'failed') or a.merged_into is not null)
        order by a.id limit ${limit}`,
  );
}

import type { Em } from '../../connect.ts';
import { rows, sql } from '../../sql.ts';
import { worksIn } from '../accounts/lease-due-accounts.ts';
import { isStopped } from '../tenants/sending-stops.ts';
import type { StalledAccount } from './stalled-accounts.ts';

export interface StalledQueue extends StalledAccount {
  /** Changes with each step of the queue. */
  mark: string;
}

/**
 * Accounts of which a message, or a change of a conversation, was due `graceMs` ago and that no worker drains: they work, or
 * the messages that they hold must end. While a tenant is stopped, only what may have been sent is looked for.
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
          select account_id, min(at)::text || '/' || sum(tries) as mark, bool_or(is_send) as has_sends,
            bool_or(not is_send) as has_changes, bool_or(is_look) as has_looks
          from (
            select account_id, next_try_at as at, tries + looks as tries, true as is_send, state <> 'queued' as is_look
            from message_sends
            where state in ('queued', 'sending', 'unclear') and next_try_at <= ${due} and account_id > ${after}::uuid
            union all
            select account_id, next_try_at, tries, false, false from conversation_changes
            where state = 'pending' and next_try_at <= ${due} and account_id > ${after}::uuid) as open
          group by account_id) as s
        join accounts a on a.id = s.account_id
        join send_queues q on q.account_id = s.account_id
        where (q.sleeps or q.lease_until is null or q.lease_until < ${now})
          and (q.holds_until is null or q.holds_until <= ${due} or q.holds_for in ('stopped', 'paused')
            or (s.has_changes and q.holds_for in ('budget', 'quiet_hours')))
          and ((${worksIn('a')} and a.merged_into is null and (s.has_looks or not ${isStopped('a')}))
            or (s.has_sends and (a.state in ('disconnected', 'failed') or a.merged_into is not null)))
        order by a.id limit ${limit}`,
  );
}

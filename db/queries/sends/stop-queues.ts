import type { HoldReason } from '../../../domain/sends.ts';
import type { Em } from '../../connect.ts';
import { rows, sql } from '../../sql.ts';

/** Queues of one transaction. */
const batch = 500;

/**
 * Shows on queues with messages that they are stopped, of a tenant or of all (null), by account after `after`; answers the last
 * one, null after the end. It waits for each worker that is taking a message of them: once a stop was committed and this
 * has ended, no message is taken any more.
 */
export async function stopQueues(
  em: Em,
  tenantId: string | null,
  reason: HoldReason,
  now: Date,
  after: string,
): Promise<string | null> {
  const stopped = await rows<{ id: string }>(
    em,
    sql`with those as (
          select q.account_id from send_queues q
          where q.account_id > ${after}::uuid and (${tenantId}::uuid is null or q.tenant_id = ${tenantId}::uuid)
            and exists (select from message_sends s where s.account_id = q.account_id and s.state = 'queued')
          order by q.account_id limit ${batch} for no key update of q)
        update send_queues q set
          holds_until = case when q.holds_until > ${now} and q.holds_for in ('rate_limited', 'account')
            then q.holds_until else '9999-01-01' end,
          holds_for = case when q.holds_until > ${now} and q.holds_for in ('rate_limited', 'account')
            then q.holds_for else ${reason} end
        from those where q.account_id = those.account_id returning q.account_id as id`,
  );
  return stopped.length < batch
    ? null
    : (stopped
        .map(({ id }) => id)
        .toSorted()
        .at(-1) ?? null);
}

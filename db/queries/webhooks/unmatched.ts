import type { Em } from '../../connect.ts';
import { messageKinds } from '../../../domain/webhook-events.ts';
import { rows, sql } from '../../sql.ts';

export interface ClaimedRequest {
  id: string;
  /** RFC 3339, exact. */
  receivedAt: string;
  /** Of its sealed body, where that speaks of people; else 0. */
  bytes: number;
}

/**
 * Events of messages and contacts are applied later, in batches. Batches with events of other accounts stay without tenant. Returns the
 * requests. System role.
 */
export const claimUnmatched = (
  em: Em,
  account: { id: string; tenantId: string; credentialsId: string | null; providerAccountId: string | null },
  at: Date,
): Promise<ClaimedRequest[]> =>
  rows<ClaimedRequest>(
    em,
    sql`with claimed as (
        update webhook_events set account_id = ${account.id}, tenant_id = ${account.tenantId},
          state = case when kind = any(${[...messageKinds, 'contact']}::text[]) then 'received' else 'processed' end, processed_at = ${at}
        where credentials_id = ${account.credentialsId} and provider_account_id = ${account.providerAccountId}
          and state = 'unmatched'
        returning request_id, received_at),
      requests as (select distinct request_id, received_at from claimed),
      owned as (
        update webhook_requests r set tenant_id = ${account.tenantId} from requests c
        where r.id = c.request_id and r.received_at = c.received_at and not exists (
          select from webhook_events o where o.request_id = c.request_id and o.received_at = c.received_at
            and o.provider_account_id is distinct from ${account.providerAccountId}))
      select r.id, to_jsonb(r.received_at)#>>'{}' as "receivedAt",
        case when r.body is not null and exists (
          select from webhook_subjects s where s.request_id = r.id and s.received_at = r.received_at)
          then octet_length(r.body) else 0 end as bytes
      from requests c join webhook_requests r on r.id = c.request_id and r.received_at = c.received_at`,
  );

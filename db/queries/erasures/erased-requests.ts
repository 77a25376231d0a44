import type { Em } from '../../connect.ts';
import { rows, sql } from '../../sql.ts';
import type { RequestRef } from '../webhooks/requests.ts';

/** Webhook requests of the tenant that name the erased person. System role. */
export const erasedRequests = (em: Em, erasureId: string, limit: number): Promise<RequestRef[]> =>
  rows<RequestRef>(
    em,
    sql`select distinct s.request_id as id, to_jsonb(s.received_at)#>>'{}' as "receivedAt" from erased_subjects l
      join webhook_subjects s on s.digest = l.digest and s.tenant_id = l.tenant_id
      where l.erasure_id = ${erasureId} limit ${limit}`,
  );

/**
 * Requests without a known tenant that name an upstream account of the tenant; `digests` are of no tenant. System role.
 */
export const erasedRequestsOfNobody = (
  em: Em,
  tenantId: string,
  digests: readonly string[],
  limit: number,
): Promise<RequestRef[]> =>
  rows<RequestRef>(
    em,
    sql`select distinct s.request_id as id, to_jsonb(s.received_at)#>>'{}' as "receivedAt" from webhook_subjects s
      join webhook_events e on e.request_id = s.request_id and e.received_at = s.received_at
      join accounts a on a.credentials_id = e.credentials_id and a.provider_account_id = e.provider_account_id
      where s.digest = any(${digests}::text[]) and s.tenant_id is null and a.tenant_id = ${tenantId} limit ${limit}`,
  );

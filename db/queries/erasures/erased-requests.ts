import { firstId } from '../../../platform/ids.ts';
import type { Em } from '../../connect.ts';
import { rows, sql } from '../../sql.ts';
import type { RequestRef } from '../webhooks/requests.ts';

/** Webhook requests of the tenant that name a person, by id. System role. */
export const requestsNaming = (
  em: Em,
  tenantId: string,
  digests: readonly string[],
  limit: number,
  after: string = firstId,
): Promise<RequestRef[]> =>
  rows<RequestRef>(
    em,
    sql`select distinct s.request_id as id, to_jsonb(s.received_at)#>>'{}' as "receivedAt" from webhook_subjects s
      where s.digest = any(${digests}::text[]) and s.tenant_id = ${tenantId} and s.request_id > ${after}::uuid
      order by 1 limit ${limit}`,
  );

/**
 * Requests without a known tenant that name a person and an upstream account of the tenant, by id; `digests` are of no
 * tenant. System role.
 */
export const requestsOfNobodyNaming = (
  em: Em,
  tenantId: string,
  digests: readonly string[],
  limit: number,
  after: string = firstId,
): Promise<RequestRef[]> =>
  rows<RequestRef>(
    em,
    sql`select distinct s.request_id as id, to_jsonb(s.received_at)#>>'{}' as "receivedAt" from webhook_subjects s
      join webhook_events e on e.request_id = s.request_id and e.received_at = s.received_at
      join accounts a on a.credentials_id = e.credentials_id and a.provider_account_id = e.provider_account_id
      where s.digest = any(${digests}::text[]) and s.tenant_id is null and a.tenant_id = ${tenantId}
        and s.request_id > ${after}::uuid
      order by 1 limit ${limit}`,
  );

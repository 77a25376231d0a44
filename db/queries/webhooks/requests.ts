import type { Em } from '../../connect.ts';
import type { WebhookEvent } from '../../entities/events.ts';
import { WebhookRequest } from '../../entities/events.ts';
import { recordset, rows, sql } from '../../sql.ts';
import { notKept } from './insert-requests.ts';

export interface RequestRef {
  id: string;
  /** RFC 3339, exact. */
  receivedAt: string;
}

/** Null after its retention. Under row-level security. */
export const requestOf = (em: Em, { requestId }: WebhookEvent): Promise<WebhookRequest | null> =>
  em.findOne(WebhookRequest, { id: requestId });

const requestRow = sql`(id uuid, "receivedAt" timestamptz)`;

export const bodiesOf = (em: Em, requests: readonly RequestRef[]): Promise<(RequestRef & { body: string })[]> =>
  rows(
    em,
    sql`select r.id, to_jsonb(r.received_at)#>>'{}' as "receivedAt", r.body from webhook_requests r
      join ${recordset(requests, requestRow)} as n
        on r.id = n.id and r.received_at = n."receivedAt"
      where r.body is not null`,
  );

/** Their failed events no longer count as failed. Returns their number. */
export async function dropBodies(em: Em, requests: readonly RequestRef[], why: keyof typeof notKept): Promise<number> {
  if (!requests.length) return 0;
  const [row] = await rows<{ dropped: number }>(
    em,
    sql`with named as (
        select * from ${recordset(requests, requestRow)} as r),
      dropped as (
        update webhook_requests r set body = null, error = ${notKept[why]} from named n
        where r.id = n.id and r.received_at = n."receivedAt" and r.body is not null returning r.id),
      forgotten as (
        delete from webhook_subjects s using named n where s.request_id = n.id and s.received_at = n."receivedAt"),
      noted as (
        update webhook_events e set error = ${notKept[why]},
          state = case when e.state = 'failed' then 'processed' else e.state end
        from named n, dropped d where d.id = n.id and e.request_id = n.id and e.received_at = n."receivedAt")
      select count(*)::int as dropped from dropped`,
  );
  return row?.dropped ?? 0;
}

/** Removes a self-test event with its records; false where it was not there. */
export async function removeEvent(em: Em, credentialsId: string, dedupeKey: string): Promise<boolean> {
  const removed = await rows(
    em,
    sql`with key as (
        delete from webhook_dedupe where credentials_id = ${credentialsId} and key = ${dedupeKey}
        returning event_id, received_at),
      event as (
        delete from webhook_events e using key k where e.id = k.event_id and e.received_at = k.received_at
        returning e.request_id, e.received_at),
      subjects as (
        delete from webhook_subjects s using event e where s.request_id = e.request_id and s.received_at = e.received_at)
      delete from webhook_requests r using event e where r.id = e.request_id and r.received_at = e.received_at
      returning r.id`,
  );
  return removed.length > 0;
}

export async function deleteAccountWebhooks(em: Em, accountId: string): Promise<void> {
  await rows(em, sql`select delete_webhooks_of_accounts(array[${accountId}::uuid])`);
}

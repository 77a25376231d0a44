import { messageKinds } from '../../../domain/webhook-events.ts';
import type { Em } from '../../connect.ts';
import { rows, sql } from '../../sql.ts';

/** A request with events whose effect on messages is owed. */
export interface OwedRequest {
  id: string;
  tenantId: string | null;
  provider: string;
  /** Sealed; null where it was not kept. */
  body: string | null;
  /** RFC 3339, exact. */
  receivedAt: string;
  events: {
    position: number;
    accountId: string;
    tenantId: string;
    providerAccountId: string | null;
    hasErased: boolean;
    messageDays: number | null;
  }[];
}

const isOwed = sql`e.state = 'received' and e.kind = any(${messageKinds}::text[])`;

/** Of a request whose sealed body has at most so many characters. */
const isOfLength = (longest: number) =>
  sql`coalesce((select octet_length(b.body) from webhook_requests b
    where b.id = e.request_id and b.received_at = e.received_at), 0) <= ${longest}`;

/** Whether anything is owed in bodies of at most `longest`, what other transactions hold included. System role. */
export async function isMessageOwed(em: Em, longest: number): Promise<boolean> {
  const [found] = await rows<{ owed: boolean }>(
    em,
    sql`select exists (select from webhook_events e where ${isOwed} and ${isOfLength(longest)}) as owed`,
  );
  return found?.owed ?? false;
}

/**
 * Locks the oldest such request that no other transaction holds, except `but`, with a sealed body of at most `longest`
 * characters. System role.
 */
export async function nextOwedRequest(em: Em, longest: number, but: readonly string[]): Promise<OwedRequest | null> {
  const [found] = await rows<OwedRequest>(
    em,
    sql`with next as (
        select e.id, e.request_id, e.received_at from webhook_events e
        where ${isOwed} and e.request_id <> all(${but}::uuid[]) and ${isOfLength(longest)}
        order by e.received_at limit 1 for update skip locked),
      request as (
        select r.* from next n join webhook_requests r on r.id = n.request_id and r.received_at = n.received_at
        for update of r)
      select r.id, r.tenant_id as "tenantId", r.provider, r.body, to_jsonb(r.received_at)#>>'{}' as "receivedAt",
        (select coalesce(jsonb_agg(jsonb_build_object('position', e.position, 'accountId', e.account_id, 'tenantId', e.tenant_id,
            'providerAccountId', e.provider_account_id, 'hasErased', exists (
              select from erased_subjects s where s.tenant_id = e.tenant_id),
            'messageDays', (select t.message_retention_days from tenants t where t.id = e.tenant_id)) order by e.position), '[]')
         from webhook_events e where e.request_id = r.id and e.received_at = r.received_at and ${isOwed}) as events
      from request r`,
  );
  return found ?? null;
}

/** Ends what a request owes; with an error its events are failed, to be replayed. */
export async function settleOwedRequest(
  em: Em,
  { id, receivedAt }: Pick<OwedRequest, 'id' | 'receivedAt'>,
  now: Date,
  error: string | null,
): Promise<void> {
  await rows(
    em,
    sql`update webhook_events e set state = ${error === null ? 'processed' : 'failed'}, error = coalesce(${error}, e.error),
        processed_at = ${now}
      where e.request_id = ${id} and e.received_at = ${receivedAt}::timestamptz and ${isOwed}`,
  );
}

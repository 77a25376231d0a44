import type { Subject } from '../../../domain/erasure.ts';
import type { WebhookEvent, WebhookRequest } from '../../entities/events.ts';
import type { Em } from '../../connect.ts';
import { recordset, rows, sql } from '../../sql.ts';

export const notKept = {
  erased: 'Its body was not kept: it names an erased person.',
  tooMany: 'Its body was not kept: it speaks of more than 5,000 people, or holds more than 2,000 events.',
} as const;

export type NewRequest = Omit<WebhookRequest, 'receivedAt'>;
export type NewEvent = Pick<
  WebhookEvent,
  | 'id'
  | 'position'
  | 'tenantId'
  | 'accountId'
  | 'providerAccountId'
  | 'kind'
  | 'type'
  | 'dedupeKey'
  | 'state'
  | 'error'
  | 'deliveries'
  | 'owesSignal'
>;

/** More deliveries of a stored event. */
export interface Repeat {
  id: string;
  /** RFC 3339, exact. */
  receivedAt: string;
  times: number;
  owesSignal: boolean;
  /** The effect was requested again, and is owed. */
  owesEffect: boolean;
}

export interface DigestedSubject {
  tenantId: string | null;
  digest: string;
}

/** A person, with the tenant of the event that names them. */
export interface TenantSubject {
  tenantId: string | null;
  subject: Subject;
}

/** Events of a stored request are written later than it arrived. */
export interface WrittenAt {
  receivedAt: Date;
  processedAt: Date;
  isNew: boolean;
}

const repeatRow = sql`(id uuid, "receivedAt" timestamptz, times int, "owesSignal" boolean, "owesEffect" boolean)`;
const eventRow = sql`(id uuid, position int, "tenantId" uuid, "accountId" uuid, "providerAccountId" text, kind text,
  type text, "dedupeKey" text, state text, error text, deliveries int, "owesSignal" boolean)`;

/**
 * The last statement of intake; the fence was entered in an earlier one. Skips a body that names an erased person. A repeat of
 * an event that is unmatched owes nothing: it is claimed once its account is known.
 */
export async function insertRequest(
  em: Em,
  request: NewRequest,
  { receivedAt, processedAt, isNew }: WrittenAt,
  events: readonly NewEvent[],
  people: readonly DigestedSubject[],
  repeats: readonly Repeat[],
): Promise<void> {
  await rows(
    em,
    sql`with given as (select * from ${recordset(events, eventRow)} as g),
      people as (
        select * from ${recordset(people, sql`("tenantId" uuid, digest text)`)} as p),
      repeated as (
        select * from ${recordset(repeats, repeatRow)} as r),
      erased as materialized (
        select exists (
          select from people p join erased_subjects l on l.tenant_id = p."tenantId" and l.digest = p.digest) as yes),
      request as (
        insert into webhook_requests (id, tenant_id, credentials_id, provider, state, error, body, headers, received_at)
        select ${request.id}::uuid, ${request.tenantId}::uuid, ${request.credentialsId}::uuid, ${request.provider},
          ${request.state}, case when yes then ${notKept.erased} else ${request.error} end,
          case when not yes then ${request.body} end, ${JSON.stringify(request.headers)}::jsonb, ${receivedAt}::timestamptz
        from erased where ${isNew} and exists (select from given)),
      spoken as (
        insert into webhook_subjects (request_id, digest, tenant_id, received_at)
        select ${request.id}::uuid, p.digest, p."tenantId", ${receivedAt}::timestamptz from people p, erased
        where not yes),
      again as (
        update webhook_events e set deliveries = e.deliveries + r.times, owes_signal = e.owes_signal or r."owesSignal",
          state = case when r."owesEffect" and e.account_id is not null then 'received' else e.state end
        from repeated r where e.id = r.id and e.received_at = r."receivedAt")
      insert into webhook_events (id, request_id, position, tenant_id, credentials_id, provider, account_id,
        provider_account_id, kind, type, dedupe_key, state, error, deliveries, owes_signal, received_at, processed_at)
      select g.id, ${request.id}::uuid, g.position, g."tenantId", ${request.credentialsId}::uuid, ${request.provider},
        g."accountId", g."providerAccountId", g.kind, g.type, g."dedupeKey",
        case when yes and g.state = 'failed' then 'processed' else g.state end,
        case when yes then ${notKept.erased} else g.error end, g.deliveries, g."owesSignal",
        ${receivedAt}::timestamptz, case when g.state = 'processed' then ${processedAt}::timestamptz end
      from given g, erased`,
  );
}

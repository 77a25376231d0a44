import type { Subject } from '../../../domain/erasure.ts';
import type { WebhookEvent, WebhookRequest } from '../../entities/events.ts';
import { recordset, sql, type Parts } from '../../sql.ts';

export const notKept = {
  erased: 'Its body was not kept: it names an erased person.',
  tooMany: 'Its body was not kept: it speaks of more than 5,000 people, or holds more than 5,000 events.',
} as const;

export interface NewRequest extends WebhookRequest {
  /** False for one that is stored already: its events alone are written. */
  isNew: boolean;
  /** Of its events. */
  people: readonly DigestedSubject[];
  events: readonly NewEvent[];
}
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

const requestRow = sql`(n int, id uuid, "tenantId" uuid, "credentialsId" uuid, provider text, state text, error text,
  headers jsonb, "receivedAt" timestamptz, "isNew" boolean)`;
const personRow = sql`("requestId" uuid, "tenantId" uuid, digest text)`;
const repeatRow = sql`(id uuid, "receivedAt" timestamptz, times int, "owesSignal" boolean, "owesEffect" boolean)`;
const eventRow = sql`("requestId" uuid, id uuid, position int, "tenantId" uuid, "accountId" uuid, "providerAccountId" text,
  kind text, type text, "dedupeKey" text, state text, error text, deliveries int, "owesSignal" boolean)`;

/**
 * Inserts requests with their events; the fence was entered in an earlier statement. Skips bodies that name an erased person. A
 * repeat of an event that is unmatched owes nothing: it is claimed once its account is known.
 */
export function insertRequests(requests: readonly NewRequest[], repeats: readonly Repeat[], processedAt: Date): Parts {
  const given = requests.map(({ body: _body, people: _people, events: _events, ...one }, n) => ({ n, ...one }));
  const events = requests.flatMap((one) => one.events.map((event) => ({ requestId: one.id, ...event })));
  const people = requests.flatMap((one) => one.people.map((person) => ({ requestId: one.id, ...person })));
  // Planning an update takes time for each day's partition.
  const again: Parts = repeats.length
    ? [
        [
          'again',
          sql`update webhook_events e set deliveries = e.deliveries + r.times, owes_signal = e.owes_signal or r."owesSignal",
          state = case when r."owesEffect" and e.account_id is not null then 'received' else e.state end
        from ${recordset(repeats, repeatRow)} as r where e.id = r.id and e.received_at = r."receivedAt"`,
        ],
      ]
    : [];
  return [
    [
      'given',
      sql`select r.*, b.body from ${recordset(given, requestRow)} as r
        join unnest(${requests.map(({ body }) => body)}::text[]) with ordinality as b (body, n) on b.n = r.n + 1`,
    ],
    ['told', sql`select * from ${recordset(events, eventRow)} as e`],
    ['people', sql`select * from ${recordset(people, personRow)} as p`],
    [
      'erased',
      sql`select distinct p."requestId" as id from people p
        join erased_subjects l on l.tenant_id = p."tenantId" and l.digest = p.digest`,
    ],
    [
      'request',
      sql`insert into webhook_requests (id, tenant_id, credentials_id, provider, state, error, body, headers, received_at)
        select g.id, g."tenantId", g."credentialsId", g.provider, g.state,
          case when x.id is not null then ${notKept.erased} else g.error end, case when x.id is null then g.body end,
          g.headers, g."receivedAt"
        from given g left join erased x on x.id = g.id
        where g."isNew" and exists (select from told e where e."requestId" = g.id)`,
    ],
    [
      'spoken',
      sql`insert into webhook_subjects (request_id, digest, tenant_id, received_at)
        select g.id, p.digest, p."tenantId", g."receivedAt" from people p join given g on g.id = p."requestId"
        where not exists (select from erased x where x.id = g.id)`,
    ],
    ...again,
    [
      'event',
      sql`insert into webhook_events (id, request_id, position, tenant_id, credentials_id, provider, account_id,
        provider_account_id, kind, type, dedupe_key, state, error, deliveries, owes_signal, received_at, processed_at)
      select e.id, g.id, e.position, e."tenantId", g."credentialsId", g.provider, e."accountId", e."providerAccountId",
        e.kind, e.type, e."dedupeKey", case when x.id is not null and e.state = 'failed' then 'processed' else e.state end,
        case when x.id is not null then ${notKept.erased} else e.error end, e.deliveries, e."owesSignal", g."receivedAt",
        case when e.state = 'processed' then ${processedAt}::timestamptz end
      from told e join given g on g.id = e."requestId" left join erased x on x.id = g.id`,
    ],
  ];
}

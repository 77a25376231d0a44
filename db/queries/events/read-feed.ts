import type { EventType, FeedPlace } from '../../../domain/events.ts';
import type { Em } from '../../connect.ts';
import { rows, sql } from '../../sql.ts';

/** What a reader of the feed wants: events after a place, of these types and of this account where they are given. */
export interface FeedRequest {
  /** Null: from the oldest event that is kept. */
  after: FeedPlace | null;
  types: readonly EventType[] | null;
  accountId: string | null;
  limit: number;
}

export interface FeedRow extends FeedPlace {
  /** Null for an event of the tenant. */
  accountId: string | null;
  type: EventType;
  data: Record<string, unknown>;
  /** RFC 3339. */
  at: string;
}

/** Events that one look reads at most, those that a filter leaves out among them. */
const mostRead = 2_000;

/** Every transaction below has ended: its events can be seen, and none comes later. */
export const settled = sql`pg_snapshot_xmin(pg_current_snapshot())::text::bigint`;

const isAfter = ({ stamp, seq }: FeedPlace) => sql`(stamp, seq) > (${stamp}::bigint, ${seq}::bigint)`;

/** The next events, oldest first, and up to where they were looked for. */
export interface FeedPart {
  items: FeedRow[];
  /** The last event that was looked at; null where there was none. */
  last: FeedPlace | null;
  /** Events after `last` were not looked at. */
  more: boolean;
}

/** Reads on in a tenant's feed. Tenant's role. */
export async function readFeed(
  em: Em,
  tenantId: string,
  { after, types, accountId, limit }: FeedRequest,
): Promise<FeedPart> {
  const most = types !== null || accountId !== null ? mostRead : limit;
  const found = await rows<FeedRow & { wanted: boolean; looked: number; stamp: string; seq: string }>(
    em,
    sql`with seen as materialized (
          select stamp, seq, account_id, type, data, at,
            ${types ? sql`type = any(${[...types]}::text[])` : sql`true`}
              and ${accountId === null ? sql`true` : sql`account_id = ${accountId}::uuid`} as wanted
          from events
          where tenant_id = ${tenantId}::uuid and stamp < ${settled} ${after ? sql`and ${isAfter(after)}` : sql``}
          order by stamp, seq limit ${most})
        select stamp::text, seq::text, account_id as "accountId", type, data, wanted,
          (select count(*)::int from seen) as looked,
          to_char(at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') as at
        from (
          (select * from seen where wanted order by stamp, seq limit ${limit})
          union all
          (select * from (select * from seen order by stamp desc, seq desc limit 1) last where not wanted)) shown
        order by shown.stamp, shown.seq`,
  );
  const places = found.map(({ stamp, seq }) => ({ stamp: Number(stamp), seq: Number(seq) }));
  const items = found.flatMap((row, n) => (row.wanted ? [{ ...row, ...places[n]! }] : []));
  const isFull = items.length === limit;
  // A full page ends at its last event, however far was looked.
  const last = (isFull ? items : places).at(-1) ?? null;
  return { items, last, more: isFull || found[0]?.looked === most };
}

/** Where the feed ends now: what comes later has a later place. */
export async function feedEnd(em: Em): Promise<FeedPlace> {
  const [row] = await rows<{ stamp: string }>(em, sql`select (${settled} - 1)::text as stamp`);
  // Greater than any number: all events of that stamp are before it.
  return { stamp: Number(row?.stamp), seq: 2 ** 48 - 1 };
}

/**
 * Whether nothing that came after a place was dropped, and the place is of this database: after a dump was restored, stamps
 * begin anew. Tenant's role.
 */
export async function isWithinFeed(em: Em, { stamp, seq }: FeedPlace): Promise<boolean> {
  const [row] = await rows<{ within: boolean }>(
    em,
    sql`select ${stamp}::bigint < pg_snapshot_xmax(pg_current_snapshot())::text::bigint and not exists (
          select from event_floors f where (f.stamp, f.seq) > (${stamp}::bigint, ${seq}::bigint)) as within`,
  );
  return row?.within ?? false;
}

/** How far back one looks for an event that came since its last look, in milliseconds. */
const freshMs = 600_000;

/** The newest event of each of these tenants that had one lately. System's role. */
export async function newestEvents(em: Em, tenantIds: readonly string[], now: Date): Promise<Map<string, FeedPlace>> {
  const found = await rows<{ tenantId: string; stamp: string; seq: string }>(
    em,
    sql`select t.id as "tenantId", e.stamp, e.seq from unnest(${[...tenantIds]}::uuid[]) as t (id)
        cross join lateral (
          select stamp::text, seq::text from events
          where tenant_id = t.id and stamp < ${settled} and at > ${new Date(now.getTime() - freshMs)}
          order by events.stamp desc, events.seq desc limit 1) e`,
  );
  return new Map(found.map(({ tenantId, stamp, seq }) => [tenantId, { stamp: Number(stamp), seq: Number(seq) }]));
}

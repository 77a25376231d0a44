import type { Em } from '../../connect.ts';
import { rows, sql } from '../../sql.ts';

/** Tables with a partition for each day. */
const tables = [
  'webhook_requests',
  'webhook_events',
  'webhook_subjects',
  'events',
  'webhook_deliveries',
  'audit_entries',
] as const;
const daysAhead = 3;
/** Days that a webhook's event is kept longer than its request. */
const eventDays = 60;
const dayMs = 86_400_000;

/**
 * Makes the partitions of these days. Own transaction, system role. Throws `55P03` where the default partitions stay locked
 * for 2 s: the next call will do.
 */
export async function ensureDays(em: Em, now: Date): Promise<number> {
  const [row] = await rows<{ made: number }>(
    em,
    sql`select ensure_partitions(${[...tables]}::text[], ${now}, ${daysAhead}) as made`,
  );
  return row?.made ?? 0;
}

/** Webhooks' events stay 60 days longer. Own transaction, system role; throws as `ensureDays`. */
export async function dropWebhookDays(em: Em, before: Date): Promise<number> {
  const eventsBefore = new Date(before.getTime() - eventDays * dayMs);
  const [row] = await rows<{ dropped: number }>(
    em,
    sql`select drop_partitions('webhook_requests', ${before})
      + drop_partitions('webhook_subjects', ${before})
      + drop_partitions('webhook_events', ${eventsBefore}) as dropped`,
  );
  return row?.dropped ?? 0;
}

/**
 * Drops whole days of the feed, and keeps for each tenant where that ended. Own transaction, system role; throws as
 * `ensureDays`.
 */
export async function dropEventDays(em: Em, before: Date): Promise<number> {
  const midnight = new Date(Math.floor(before.getTime() / dayMs) * dayMs);
  await rows(
    em,
    sql`insert into event_floors as f (tenant_id, stamp, seq)
        select tenant_id, stamp, seq from (
          select distinct on (tenant_id) tenant_id, stamp, seq from events
          where at < ${midnight} order by tenant_id, stamp desc, seq desc) last
        where exists (select from tenants t where t.id = last.tenant_id)
        on conflict (tenant_id) do update set stamp = excluded.stamp, seq = excluded.seq
        where (f.stamp, f.seq) < (excluded.stamp, excluded.seq)`,
  );
  const [row] = await rows<{ dropped: number }>(em, sql`select drop_partitions('events', ${midnight}) as dropped`);
  return row?.dropped ?? 0;
}

/** Drops whole days of deliveries, with the answers that they got. Own transaction, system role; throws as `ensureDays`. */
export async function dropDeliveryDays(em: Em, before: Date): Promise<number> {
  const midnight = new Date(Math.floor(before.getTime() / dayMs) * dayMs);
  const [row] = await rows<{ dropped: number }>(
    em,
    sql`select drop_partitions('webhook_deliveries', ${midnight}) as dropped`,
  );
  return row?.dropped ?? 0;
}

/** Drops whole days of the audit log, never of the last 30 days. Own transaction, system role; throws as `ensureDays`. */
export async function dropAuditDays(em: Em, before: Date): Promise<number> {
  const midnight = new Date(Math.floor(before.getTime() / dayMs) * dayMs);
  const [row] = await rows<{ dropped: number }>(
    em,
    sql`select drop_partitions('audit_entries', ${midnight}) as dropped`,
  );
  return row?.dropped ?? 0;
}

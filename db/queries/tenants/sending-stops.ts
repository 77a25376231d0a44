import type { StopReason } from '../../../domain/sending-stops.ts';
import type { QuietHours } from '../../../domain/quiet-hours.ts';
import { newId } from '../../../platform/ids.ts';
import type { Em } from '../../connect.ts';
import { SendingStop } from '../../entities/tenants.ts';
import { rows, sql, type Sql } from '../../sql.ts';

/** What holds the messages of all accounts of a tenant, or may. */
export interface SendingRules {
  zone: string;
  quietHours: QuietHours | null;
  /** The oldest stop; null where messages are sent. */
  stop: { reason: StopReason; since: Date } | null;
}

/** The tenant's time zone, quiet hours and stop, in one statement: it runs for each message. */
export async function sendingRulesOf(em: Em, tenantId: string): Promise<SendingRules> {
  const [found] = await rows<{
    zone: string;
    quietHours: QuietHours | null;
    reason: StopReason | null;
    since: string | null;
  }>(
    em,
    sql`select t.time_zone as zone, t.quiet_hours as "quietHours", s.reason, s.since::text as since
        from tenants t left join lateral (
          select reason, since from sending_stops where tenant_id = t.id or tenant_id is null
          order by since limit 1) s on true
        where t.id = ${tenantId}`,
  );
  const { zone = 'UTC', quietHours = null, reason = null, since = null } = found ?? {};
  return { zone, quietHours, stop: reason && since ? { reason, since: new Date(since) } : null };
}

/** Whether the tenant of an account that a statement calls `table` sends nothing. */
export const isStopped = (table: string): Sql =>
  sql`exists (select from sending_stops x where x.tenant_id = ${sql.ref(`${table}.tenant_id`)} or x.tenant_id is null)`;

/** The stops of a tenant and those of all tenants, the oldest first. */
export const stopsOf = (em: Em, tenantId: string): Promise<SendingStop[]> =>
  em.find(SendingStop, { $or: [{ tenantId }, { tenantId: null }] }, { orderBy: { since: 'asc', id: 'asc' } });

/** Every stop of the installation, the oldest first. System role. */
export const allStops = (em: Em): Promise<SendingStop[]> =>
  em.find(SendingStop, {}, { orderBy: { since: 'asc', id: 'asc' } });

/** Stops a tenant, or all of them (null), for a reason. False where that stop is there already. */
export async function addStop(
  em: Em,
  tenantId: string | null,
  reason: StopReason,
  note: string | null,
  now: Date,
): Promise<boolean> {
  const made = await rows(
    em,
    sql`insert into sending_stops (id, tenant_id, reason, since, note)
        values (${newId()}, ${tenantId}::uuid, ${reason}, ${now}, ${note})
        on conflict on constraint sending_stops_reason do nothing returning id`,
  );
  if (made.length) await tellFormerVersions(em, tenantId);
  return made.length > 0;
}

/** Lifts a stop; others stay. False where there was none. */
export async function removeStop(em: Em, tenantId: string | null, reason: StopReason): Promise<boolean> {
  const removed = await rows(
    em,
    sql`delete from sending_stops where tenant_id is not distinct from ${tenantId}::uuid and reason = ${reason}
        returning id`,
  );
  if (removed.length) await releaseStopped(em, tenantId);
  return removed.length > 0;
}

/** Workers of a version before stops, which run beside this one during an upgrade, look at the tenant's own column. */
export async function tellFormerVersions(em: Em, tenantId: string | null): Promise<void> {
  await rows(
    em,
    sql`update tenants t set sending_paused_at = now_stopped.since
        from (select one.id, (select min(s.since) from sending_stops s where s.tenant_id = one.id or s.tenant_id is null) as since
              from tenants one) now_stopped
        where now_stopped.id = t.id and (${tenantId}::uuid is null or t.id = ${tenantId}::uuid)
          and t.sending_paused_at is distinct from now_stopped.since`,
  );
}

/** Lets queues go that no stop holds any more, of a tenant or of all (null). */
export async function releaseStopped(em: Em, tenantId: string | null): Promise<void> {
  await tellFormerVersions(em, tenantId);
  await rows(
    em,
    sql`update send_queues q set holds_until = null, holds_for = null
        where holds_for in ('paused', 'stopped') and (${tenantId}::uuid is null or tenant_id = ${tenantId}::uuid)
          and not exists (select from sending_stops s where s.tenant_id = q.tenant_id or s.tenant_id is null)`,
  );
}

/** Has the queues of a tenant, or of one of its accounts, look at their quiet hours again. */
export async function releaseQuiet(em: Em, tenantId: string, accountId: string | null): Promise<void> {
  await rows(
    em,
    sql`update send_queues set holds_until = null, holds_for = null
        where holds_for = 'quiet_hours' and tenant_id = ${tenantId}
          and (${accountId}::uuid is null or account_id = ${accountId}::uuid)`,
  );
}

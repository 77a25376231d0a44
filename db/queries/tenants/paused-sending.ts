import { newId } from '../../../platform/ids.ts';
import type { Em } from '../../connect.ts';
import { rows, sql } from '../../sql.ts';
import { restartFeed } from '../events/restart-feed.ts';
import { releaseStopped, tellFormerVersions } from './sending-stops.ts';

/** How many tenants send nothing because their rows came from a dump. System role. */
export async function countPausedTenants(em: Em): Promise<number> {
  const [found] = await rows<{ n: number }>(
    em,
    sql`select count(*)::int as n from sending_stops where reason = 'restored'`,
  );
  return found?.n ?? 0;
}

/** Whether the tenant's rows came from a dump, and no operator has let them go on. */
export async function isRestored(em: Em, tenantId: string): Promise<boolean> {
  const found = await rows(
    em,
    sql`select from sending_stops where tenant_id = ${tenantId} and reason = 'restored' limit 1`,
  );
  return found.length > 0;
}

/** Pauses the sending of every tenant, as after a restore; answers how many there are. System role. */
export async function pauseSending(em: Em, now: Date): Promise<number> {
  return pauseTenants(em, await rows<{ id: string }>(em, sql`select id from tenants`), now);
}

/** Ends what `pauseSending` or a restore began; answers how many tenants were paused. System role. */
export async function resumeSending(em: Em): Promise<number> {
  const resumed = await rows(em, sql`delete from sending_stops where reason = 'restored' returning id`);
  await releaseStopped(em, null);
  return resumed.length;
}

/**
 * Pauses the sending of tenants whose rows came from a dump, begins their feed of events anew, and has the provider asked for each message that may have been
 * sent since the dump. Answers how many tenants those are. System role.
 */
export async function noticeRestore(em: Em, now: Date): Promise<number> {
  const restored = await rows<{ id: string }>(
    em,
    sql`update tenants set stored_in = storage_place()
        where stored_in <> (select storage_place()) returning id`,
  );
  if (restored.length) {
    const ids = restored.map(({ id }) => id);
    await pauseTenants(em, restored, now);
    await restartFeed(em, ids);
    await doubtSends(em, now, ids);
  }
  return restored.length;
}

async function pauseTenants(em: Em, tenants: readonly { id: string }[], now: Date): Promise<number> {
  const paused = tenants.map(({ id }) => ({ id: newId(), tenantId: id }));
  await rows(
    em,
    sql`insert into sending_stops (id, tenant_id, reason, since)
        select id, "tenantId", 'restored', ${now} from jsonb_to_recordset(${JSON.stringify(paused)}::jsonb)
          as t (id uuid, "tenantId" uuid)
        on conflict on constraint sending_stops_reason do nothing`,
  );
  await tellFormerVersions(em, null);
  return tenants.length;
}

/**
 * What was open may have been sent meanwhile: it is looked for before it is sent. What is scheduled for later was not.
 * `tenants`: null for all of them. System role.
 */
export async function doubtSends(em: Em, now: Date, tenants: readonly string[] | null): Promise<void> {
  const ids = tenants && [...tenants];
  await rows(
    em,
    sql`with doubted as (
          update message_sends set state = 'sending', sent_mark_at = coalesce(sent_mark_at, created_at),
            call_ended_at = ${now}, looks = 0, next_try_at = ${now}
          where state in ('queued', 'sending') and not coalesce(state = 'queued' and due_at > ${now}, false)
            and (${ids}::uuid[] is null or tenant_id = any(${ids}::uuid[])) returning message_id)
        update messages m set status = 'sending', updated_at = ${now} from doubted
        where m.id = doubted.message_id and m.status = 'queued'`,
  );
}

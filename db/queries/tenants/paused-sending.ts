import type { Em } from '../../connect.ts';
import { rows, sql } from '../../sql.ts';
import { restartFeed } from '../events/restart-feed.ts';

/** Since when nothing of the tenant is sent; null where messages are sent. */
export async function sendingPausedAt(em: Em, tenantId: string): Promise<Date | null> {
  const [tenant] = await rows<{ at: string | null }>(
    em,
    sql`select sending_paused_at::text as at from tenants where id = ${tenantId}`,
  );
  return tenant?.at ? new Date(tenant.at) : null;
}

/** How many tenants send nothing. System role. */
export async function countPausedTenants(em: Em): Promise<number> {
  const [found] = await rows<{ n: number }>(
    em,
    sql`select count(*)::int as n from tenants where sending_paused_at is not null`,
  );
  return found?.n ?? 0;
}

/** Pauses the sending of every tenant; answers how many there are. System role. */
export async function pauseSending(em: Em, now: Date): Promise<number> {
  const paused = await rows(
    em,
    sql`update tenants set sending_paused_at = coalesce(sending_paused_at, ${now}) returning id`,
  );
  return paused.length;
}

/** Lets every tenant send again; answers how many did not. System role. */
export async function resumeSending(em: Em): Promise<number> {
  const resumed = await rows(
    em,
    sql`update tenants set sending_paused_at = null where sending_paused_at is not null returning id`,
  );
  await rows(em, sql`update send_queues set holds_until = null, holds_for = null where holds_for = 'paused'`);
  return resumed.length;
}

/**
 * Pauses the sending of tenants whose rows came from a dump, begins their feed of events anew, and has the provider asked for each message that may have been
 * sent since the dump. Answers how many tenants those are. System role.
 */
export async function noticeRestore(em: Em, now: Date): Promise<number> {
  const restored = await rows<{ id: string }>(
    em,
    sql`update tenants set stored_in = storage_place(), sending_paused_at = ${now}
        where stored_in <> (select storage_place()) returning id`,
  );
  if (restored.length) {
    const ids = restored.map(({ id }) => id);
    await restartFeed(em, ids);
    await doubtSends(em, now, ids);
  }
  return restored.length;
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

import type { UnavailableReason } from '../../../domain/media.ts';
import type { Em } from '../../connect.ts';
import { rows, sql } from '../../sql.ts';

/** A file that is due to be fetched. */
export interface DueFetch {
  id: string;
  tenantId: string;
  accountId: string;
}

/**
 * Leases files due longest, as many of each tenant, until `until`. A later sweep takes expired leases. Commit before any
 * call to a provider. System role.
 */
export const leaseFetches = (em: Em, now: Date, until: Date, limit: number): Promise<DueFetch[]> =>
  rows(
    em,
    // The recursion steps from tenant to tenant in the index.
    sql`with recursive tenants as (
        (select tenant_id, fetch_due_at from attachments where fetch_due_at is not null
          order by tenant_id, fetch_due_at limit 1)
        union all
        select n.tenant_id, n.fetch_due_at from tenants t, lateral (
          select tenant_id, fetch_due_at from attachments
          where fetch_due_at is not null and tenant_id > t.tenant_id order by tenant_id, fetch_due_at limit 1) n),
      due as (select tenant_id from tenants where fetch_due_at <= ${now} order by fetch_due_at limit ${limit}),
      share as (select ceil(${limit}::numeric / greatest(count(*), 1))::int as files from due),
      chosen as (
        select a.id from due d, lateral (
          select id from attachments where tenant_id = d.tenant_id and fetch_due_at <= ${now}
          order by fetch_due_at limit (select files from share) for no key update skip locked) a
        limit ${limit})
      update attachments a set fetch_due_at = ${until} from chosen where a.id = chosen.id
      returning a.id, a.tenant_id as "tenantId", a.account_id as "accountId"`,
  );

/** Makes leased files due at another time; those that changed since stay. */
export async function moveFetches(em: Em, ids: readonly string[], leasedUntil: Date, dueAt: Date): Promise<void> {
  await rows(
    em,
    sql`update attachments set fetch_due_at = ${dueAt}
        where id = any(${ids}::uuid[]) and fetch_due_at = ${leasedUntil}`,
  );
}

/** False where the attachment is gone. */
export async function attachMedia(em: Em, id: string, mediaId: string): Promise<boolean> {
  const found = await rows(
    em,
    sql`update attachments set media_id = ${mediaId}, fetch_due_at = null, unavailable = false, unavailable_why = null
        where id = ${id} returning id`,
  );
  return found.length > 0;
}

/** Notes a fetch that failed, and when the next one is due. */
export async function deferFetch(em: Em, id: string, { dueAt, tries }: { dueAt: Date; tries: number }): Promise<void> {
  await rows(
    em,
    sql`update attachments set fetch_due_at = ${dueAt}, fetch_tries = ${tries}
        where id = ${id} and media_id is null`,
  );
}

/** Notes that the file cannot be had any more. */
export async function endFetch(em: Em, id: string, why: UnavailableReason): Promise<void> {
  await rows(
    em,
    sql`update attachments set unavailable = true, unavailable_why = ${why}, fetch_due_at = null
        where id = ${id} and media_id is null`,
  );
}

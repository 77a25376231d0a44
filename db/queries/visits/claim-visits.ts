import { takeCalls } from '../../../domain/call-limits.ts';
import { newId } from '../../../platform/ids.ts';
import type { Em } from '../../connect.ts';
import { rows, sql } from '../../sql.ts';

/** A lease of accounts of the same credentials, for visits that are under way. */
export interface ClaimedVisits {
  lease: string;
  until: Date;
  credentialsId: string;
  accounts: readonly string[];
}

/** How many accounts of the same credentials are visited at the same time, and how a provider that is slow is held back. */
export interface Bucket {
  places: number;
  /** From so many milliseconds for a visit's calls on, credentials have `slowPlaces` alone. */
  slowFromMs: number;
  slowPlaces: number;
}

/** What is due. */
export interface DueVisits {
  now: Date;
  /** Accounts that are due later belong to the next sweep. */
  dueAt: Date;
  /** False: credentials whose provider is slow, or had trouble, are left out. */
  withSlow: boolean;
}

/**
 * Credentials with accounts that are due, those first that were served longest ago. Without refused keys, and without those
 * that rest. System role.
 */
export async function credentialsToVisit(
  em: Em,
  { now, dueAt, withSlow }: DueVisits,
  { slowFromMs }: Bucket,
  limit: number,
): Promise<string[]> {
  const found = await rows<{ id: string }>(
    em,
    // The limit has each looked up by the index, where a join would read all that is due.
    sql`select c.id from provider_credentials c cross join lateral (
          select from account_visits v where v.credentials_id = c.id and v.due_at <= ${dueAt}
          order by v.due_at limit 1) due
        where c.refused_at is null and coalesce(c.visits_rest_until <= ${now}, true)
          and (${withSlow} or c.visits_ms < ${slowFromMs} and c.visits_failures = 0)
        order by c.visits_at nulls first, c.id limit ${limit}`,
  );
  return found.map(({ id }) => id);
}

/**
 * Leases accounts of credentials, as many as the bucket of these leaves: accounts that others visit now take its places, and
 * so many calls must be free within the limit of calls. Commit before any call to a provider. Null where there is none.
 * System role.
 */
export async function claimVisits(
  em: Em,
  credentialsId: string,
  { now, dueAt }: DueVisits,
  bucket: Bucket,
  until: Date,
  limit: number,
): Promise<ClaimedVisits | null> {
  const room = await roomFor(em, credentialsId, bucket, now);
  if (room <= 0) return null;
  const lease = newId();
  const accounts = await rows<{ id: string }>(
    em,
    sql`with taken as (
          update account_visits set lease = ${lease}, due_at = ${until}, again = false where account_id in (
            select account_id from account_visits where credentials_id = ${credentialsId} and due_at <= ${dueAt}
            order by due_at limit ${Math.min(room, limit)} for no key update skip locked)
          returning account_id as id),
        served as (update provider_credentials set visits_at = ${now} where id = ${credentialsId})
        select id from taken order by id`,
  );
  return accounts.length ? { lease, until, credentialsId, accounts: accounts.map(({ id }) => id) } : null;
}

/** Places that are free. Locks the credentials, so that two claims never fill the same place. */
async function roomFor(em: Em, id: string, bucket: Bucket, now: Date): Promise<number> {
  const [row] = await rows<{ ms: number; perMinute: number | null }>(
    em,
    sql`select visits_ms as ms, calls_per_minute as "perMinute" from provider_credentials
        where id = ${id} and refused_at is null and coalesce(visits_rest_until <= ${now}, true) for no key update`,
  );
  if (!row) return 0;
  // After the lock: a claim that it waited for has taken places.
  const [found] = await rows<{ taken: number; calls: number | null; at: string | null; isFull: boolean }>(
    em,
    sql`select (select count(*)::int from account_visits
                where credentials_id = ${id} and lease is not null and due_at > ${now}) as taken,
          (select calls from call_buckets where credentials_id = ${id}) as calls,
          (select at::text from call_buckets where credentials_id = ${id}) as at,
          exists (select from call_pressures
                  where credentials_id = ${id} and name = '' and percent >= 100 and until > ${now}) as "isFull"`,
  );
  if (!found || found.isFull) return 0;
  const places = row.ms >= bucket.slowFromMs ? bucket.slowPlaces : bucket.places;
  const free = places - found.taken;
  if (row.perMinute === null) return free;
  const kept = found.calls === null || found.at === null ? null : { calls: found.calls, at: new Date(found.at) };
  return Math.min(free, takeCalls(kept, row.perMinute, 'backfill', places, now).taken);
}

/** Gives back accounts that were not visited: they are due at once. System role. */
export async function releaseVisits(em: Em, lease: string, accounts: readonly string[], now: Date): Promise<void> {
  await rows(
    em,
    sql`update account_visits set lease = null, due_at = ${now}
        where account_id = any(${accounts}::uuid[]) and lease = ${lease}`,
  );
}

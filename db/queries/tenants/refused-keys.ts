import type { Em } from '../../connect.ts';
import { rows, sql } from '../../sql.ts';

/** The credentials whose key is refused, as an array for `any`. */
export const refusedCredentials = sql`array(select id from provider_credentials where refused_at is not null)`;

/** How long the n-th probe (from 0) waits, in seconds: from 15 s to an hour. */
const restSeconds = sql`least(15 * 2 ^ least(probes, 12), 3600)`;

/** Notes that a key is refused. Answers whether it was accepted until now. System role. */
export async function parkCredentials(em: Em, id: string, now: Date): Promise<boolean> {
  const parked = await rows(
    em,
    sql`update provider_credentials set refused_at = ${now}, probe_at = ${now}::timestamptz + interval '15 seconds',
          probes = 0
        where id = ${id} and refused_at is null returning id`,
  );
  return parked.length > 0;
}

/** Notes that a key is accepted again, and requests a check of each account that was shown as refused. System role. */
export async function releaseCredentials(em: Em, id: string, now: Date): Promise<boolean> {
  const released = await rows(
    em,
    sql`update provider_credentials set refused_at = null, probe_at = null, probes = 0
        where id = ${id} and refused_at is not null returning id`,
  );
  if (!released.length) return false;
  await rows(
    em,
    sql`update accounts set check_requested_at = ${now}
        where credentials_id = ${id} and state in ('degraded', 'reconnect_required') and reason = 'provider_key_rejected'
          and merged_into is null`,
  );
  return true;
}

/** Makes the probe of a refused key due. System role. */
export async function hastenProbe(em: Em, id: string, now: Date): Promise<void> {
  await rows(
    em,
    sql`update provider_credentials set probe_at = least(probe_at, ${now}) where id = ${id} and refused_at is not null`,
  );
}

/** Refused credentials whose probe is due; each counts as probed from now on. System role. */
export async function leaseProbes(em: Em, now: Date, limit: number): Promise<string[]> {
  const due = await rows<{ id: string }>(
    em,
    sql`update provider_credentials set probes = probes + 1,
          probe_at = ${now}::timestamptz + ${restSeconds} * interval '1 second'
        where id in (select id from provider_credentials where refused_at is not null and probe_at <= ${now}
                     order by probe_at limit ${limit} for no key update skip locked)
        returning id`,
  );
  return due.map(({ id }) => id);
}

/** Accounts after `after` that are not yet shown as refused, though the key of their credentials is. System role. */
export const accountsWithRefusedKey = (
  em: Em,
  after: string,
  limit: number,
): Promise<{ id: string; tenant_id: string }[]> =>
  rows(
    em,
    sql`select id, tenant_id from accounts
        where exists (select from provider_credentials where refused_at is not null)
          and credentials_id = any(${refusedCredentials}) and state in ('active', 'degraded')
          and reason is distinct from 'provider_key_rejected' and merged_into is null and id > ${after}::uuid
        order by id limit ${limit}`,
  );

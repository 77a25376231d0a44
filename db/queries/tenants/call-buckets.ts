import { takeCalls, type CallBucket, type CallKind } from '../../../domain/call-limits.ts';
import type { Em } from '../../connect.ts';
import { rows, sql } from '../../sql.ts';

/** Credentials with a limit of their calls. */
export interface LimitedCredentials {
  id: string;
  tenantId: string | null;
  perMinute: number;
}

interface Row {
  calls: number | null;
  at: string | null;
}

const bucketOf = (row: Row | undefined): CallBucket | null =>
  row && row.calls !== null && row.at !== null ? { calls: row.calls, at: new Date(row.at) } : null;

/** Takes up to `most` calls of credentials: how many, and in how many milliseconds there is one where none was. System role. */
export async function takeFromBucket(
  em: Em,
  { id, tenantId, perMinute }: LimitedCredentials,
  kind: CallKind,
  most: number,
  now: Date,
): Promise<{ taken: number; freeInMs: number }> {
  const find = async (): Promise<CallBucket | null> =>
    bucketOf(
      (await rows<Row>(em, sql`select calls, at::text from call_buckets where credentials_id = ${id} for update`))[0],
    );
  let met = await find();
  if (!met) {
    const { bucket } = takeCalls(null, perMinute, kind, 0, now);
    await rows(
      em,
      sql`insert into call_buckets (credentials_id, tenant_id, calls, at)
          values (${id}, ${tenantId}, ${bucket.calls}, ${bucket.at}) on conflict do nothing`,
    );
    met = await find();
  }
  const { bucket, taken, freeInMs } = takeCalls(met, perMinute, kind, most, now);
  if (taken > 0)
    await rows(
      em,
      sql`update call_buckets set calls = ${bucket.calls}, at = ${bucket.at} where credentials_id = ${id}`,
    );
  return { taken, freeInMs };
}

/** In how many milliseconds the limit of these credentials lets a live call go out. */
export async function liveCallInMs(em: Em, credentialsId: string, now: Date): Promise<number> {
  const [found] = await rows<Row & { perMinute: number | null }>(
    em,
    sql`select c.calls_per_minute as "perMinute", b.calls, b.at::text as at from provider_credentials c
        left join call_buckets b on b.credentials_id = c.id where c.id = ${credentialsId}`,
  );
  return found?.perMinute ? takeCalls(bucketOf(found), found.perMinute, 'live', 1, now).freeInMs : 0;
}

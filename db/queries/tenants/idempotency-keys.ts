import type { Em } from '../../connect.ts';
import { IdempotencyKey } from '../../entities/tenants.ts';
import { rows, sql } from '../../sql.ts';

export interface KeyClaim {
  id: string;
  tenantId: string;
  route: string;
  key: string;
  /** Keyed digests, the newest key's first; a stored request with any of them is the same one. */
  digests: readonly [string, ...string[]];
  now: Date;
  lockedUntil: Date;
  expiresAt: Date;
}

/**
 * Takes a key that is new, expired or left by a dead execution. Returns the execution's id; null when the key is taken.
 */
export async function takeKey(em: Em, claim: KeyClaim): Promise<string | null> {
  const { id, tenantId, route, key, digests, now, lockedUntil, expiresAt } = claim;
  const [taken] = await rows<{ id: string }>(
    em,
    sql`insert into idempotency_keys as k (id, tenant_id, route, key, body_digest, locked_until, created_at, expires_at)
        values (${id}, ${tenantId}, ${route}, ${key}, ${digests[0]}, ${lockedUntil}, ${now}, ${expiresAt})
        on conflict (tenant_id, route, key) do update set
          id = case when k.expires_at < excluded.created_at then excluded.id else k.id end,
          status = null, response = null, body_digest = excluded.body_digest,
          locked_until = excluded.locked_until, created_at = excluded.created_at, expires_at = excluded.expires_at
        where k.expires_at < excluded.created_at
           or (k.response is null and k.locked_until < excluded.created_at and k.body_digest = any(${digests}::text[]))
        returning id`,
  );
  return taken?.id ?? null;
}

/** Null when the key was freed meanwhile. */
export const findKey = (
  em: Em,
  { tenantId, route, key }: Pick<KeyClaim, 'tenantId' | 'route' | 'key'>,
): Promise<IdempotencyKey | null> => em.findOne(IdempotencyKey, { tenantId, route, key });

export async function storeReply(em: Em, id: string, status: number, response: string): Promise<void> {
  await em.nativeUpdate(IdempotencyKey, { id }, { status, response });
}

/** For a request that had no effect. */
export async function freeKey(em: Em, id: string): Promise<void> {
  await em.nativeDelete(IdempotencyKey, { id });
}

/** From `since` on a repeat may take the key over. */
export async function endLease(em: Em, id: string, since: Date): Promise<void> {
  await em.nativeUpdate(IdempotencyKey, { id }, { lockedUntil: since });
}

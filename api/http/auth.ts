import type { Request } from 'express';
import { hashKey } from '../../db/queries/tenants/api-keys.ts';
import type { Database } from '../../db/connect.ts';
import { ApiKey } from '../../db/entities/tenants.ts';
import type { Principal } from '../../services/principal.ts';
import { Problem } from '../../services/problem.ts';

/** How long a key that was looked up is cached, in milliseconds: a revoked key may work this much longer. */
const cacheMs = 2_000;
/** Keys cached at once; beyond it the cache is emptied. */
const cacheAtMost = 10_000;

/** Looks up bearer keys by their hash. Answers null for a key that is unknown or revoked. */
export function createKeyring(db: Database): (key: string) => Promise<Principal | null> {
  const cached = new Map<string, { principal: Principal; until: number }>();
  return async (key) => {
    const hash = hashKey(key);
    const known = cached.get(hash);
    if (known && known.until > performance.now()) return known.principal;
    const row = await db.system((em) => em.findOne(ApiKey, { hash, revokedAt: null }));
    if (!row) {
      cached.delete(hash);
      return null;
    }
    if (cached.size >= cacheAtMost) cached.clear();
    const principal = { tenantId: row.tenantId, keyId: row.id, scopes: row.scopes };
    cached.set(hash, { principal, until: performance.now() + cacheMs });
    return principal;
  };
}

/** The key that a request carries, or null. */
export function bearerOf(request: Request): string | null {
  const found = /^bearer +(pb_[\w-]{16,128}) *$/i.exec(request.headers.authorization ?? '');
  return found?.[1] ?? null;
}

/** 401, for a key that is missing, unknown or revoked. */
export const unauthorized = (detail = 'The request carries no valid API key.'): Problem =>
  new Problem('unauthorized', detail, { headers: { 'www-authenticate': 'Bearer realm="patchbay"' } });

/** How often the key of a request in progress is checked again, in milliseconds. */
const checkEveryMs = 1_000;

/**
 * The outcome of `work`, unless the key is revoked before: then the error of `refuse` is thrown at once. `work` goes on
 * in the background and its outcome is dropped. A check that fails counts as valid.
 */
export function unlessRevoked<T>(work: Promise<T>, isValid: () => Promise<boolean>, refuse: () => Error): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const revoked = new Promise<never>((_, reject) => {
    timer = setInterval(() => {
      isValid().then(
        (valid) => {
          if (!valid) reject(refuse());
        },
        () => undefined,
      );
    }, checkEveryMs);
  });
  return Promise.race([work, revoked]).finally(() => clearInterval(timer));
}

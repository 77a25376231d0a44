import type { Request } from 'express';
import { hashKey } from '../../db/queries/tenants/api-keys.ts';
import type { Database } from '../../db/connect.ts';
import { ApiKey } from '../../db/entities/tenants.ts';
import type { Principal } from '../../services/principal.ts';
import { Problem } from '../../services/problem.ts';

/** A revoked key may work this much longer, in milliseconds, in a process that has just seen it. */
const rememberMs = 2_000;
/** Keys remembered at once; beyond it all are forgotten and looked up again. */
const rememberAtMost = 10_000;

/** Looks up bearer keys by their hash. Answers null for a key that is unknown or revoked. */
export function createKeyring(db: Database): (key: string) => Promise<Principal | null> {
  const remembered = new Map<string, { principal: Principal; until: number }>();
  return async (key) => {
    const hash = hashKey(key);
    const known = remembered.get(hash);
    if (known && known.until > performance.now()) return known.principal;
    const row = await db.system((em) => em.findOne(ApiKey, { hash, revokedAt: null }));
    if (!row) {
      remembered.delete(hash);
      return null;
    }
    if (remembered.size >= rememberAtMost) remembered.clear();
    const principal = { tenantId: row.tenantId, keyId: row.id, scopes: row.scopes };
    remembered.set(hash, { principal, until: performance.now() + rememberMs });
    return principal;
  };
}

/** The key that a request carries, or null. */
export function bearerOf(request: Request): string | null {
  const found = /^bearer +(pb_[\w-]{16,128}) *$/i.exec(request.headers.authorization ?? '');
  return found?.[1] ?? null;
}

export const unauthorized = (detail = 'The request carries no valid API key.'): Problem =>
  new Problem('unauthorized', detail, { headers: { 'www-authenticate': 'Bearer realm="patchbay"' } });

import { createHash, randomBytes } from 'node:crypto';
import { scopeNames, type Scope } from '../../../domain/scopes.ts';
import { newId } from '../../../platform/ids.ts';
import type { Em } from '../../connect.ts';
import { addFirstKeys } from '../../data-keys.ts';
import { ApiKey, Tenant } from '../../entities/tenants.ts';
import { rows, sql } from '../../sql.ts';
import type { Vault } from '../../vault.ts';

export const hashKey = (key: string): string => createHash('sha256').update(key).digest('hex');

/** Only the result holds the key: it cannot be shown again. */
export function createApiKey(
  em: Em,
  tenantId: string,
  name: string,
  scopes: readonly Scope[],
  now: Date,
): { row: ApiKey; key: string } {
  const key = `pb_${randomBytes(32).toString('base64url')}`;
  const row = em.create(ApiKey, {
    id: newId(),
    tenantId,
    hash: hashKey(key),
    prefix: key.slice(0, 8),
    name,
    scopes: [...scopes],
    createdAt: now,
    revokedAt: null,
  });
  em.persist(row);
  return { row, key };
}

/** Those of the keys that are not revoked. System role. */
export async function validKeyIds(em: Em, ids: readonly string[]): Promise<Set<string>> {
  const found = await rows<{ id: string }>(
    em,
    sql`select id from api_keys where id = any(${[...ids]}::uuid[]) and revoked_at is null`,
  );
  return new Set(found.map(({ id }) => id));
}

/** Creates the tenant with its data key if there is none. System role. */
export async function ensureTenant(em: Em, { masterKeys }: Vault, name: string, now: Date): Promise<Tenant> {
  await em.upsert(
    Tenant,
    { id: newId(), name, createdAt: now },
    { onConflictFields: ['name'], onConflictAction: 'ignore' },
  );
  const tenant = await em.findOneOrFail(Tenant, { name });
  await addFirstKeys(em, masterKeys, [tenant.id]);
  return tenant;
}

export function parseScopes(words: readonly string[]): Scope[] {
  const asked = words.flatMap((word) => word.split(',')).map((word) => word.trim());
  if (asked.includes('all')) return [...scopeNames];
  const unknown = asked.filter((word) => !(scopeNames as readonly string[]).includes(word));
  if (unknown.length) throw new Error(`unknown scope ${unknown.join(', ')}: use all, ${scopeNames.join(', ')}`);
  return asked as Scope[];
}

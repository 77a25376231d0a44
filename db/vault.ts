import { VaultError } from '../platform/cipher.ts';
import { createKeyset, type DataKey, type Keyset } from '../platform/keyset.ts';
import { createMasterKeys, type MasterKey, type MasterKeys } from '../platform/master-keys.ts';
import type { Database, Em } from './connect.ts';
import { sealed } from './sealed.ts';
import { rows, sql } from './sql.ts';

export interface Vault {
  masterKeys: MasterKeys;
  /** Null: for rows without a tenant. Within a transaction pass its `em`. Throws `VaultError` for a deleted tenant. */
  keysOf(from: Em | Database, tenantId: string | null): Promise<Keyset>;
}

/** So long may a deleted tenant's keys stay in memory. */
const keptMs = 60_000;
/** A new version seals from this age on: every process has read it by then. */
const settledAfter = '5 minutes';
const most = 2_000;

interface Kept {
  keys: Keyset;
  until: number;
}

export function createVault(ring: readonly MasterKey[]): Vault {
  const masterKeys = createMasterKeys(ring);
  const kept = new Map<string, Kept>();
  const loading = new Map<string, Promise<Keyset>>();

  const keep = (owner: string, keys: Keyset): Keyset => {
    kept.delete(owner);
    const oldest = kept.size >= most ? kept.keys().next().value : undefined;
    if (oldest !== undefined) kept.delete(oldest);
    kept.set(owner, { keys, until: performance.now() + keptMs });
    return keys;
  };
  const load = async (em: Em, tenantId: string | null): Promise<Keyset> => {
    const keys = await loadKeys(em, masterKeys, tenantId).catch((error: unknown) => {
      if (error instanceof VaultError) kept.delete(tenantId ?? '');
      throw error;
    });
    return keep(tenantId ?? '', keys);
  };
  // Concurrent callers share one transaction. Cached keys serve on while the database is down.
  const loadOutside = (db: Database, tenantId: string | null): Promise<Keyset> => {
    const owner = tenantId ?? '';
    const known = loading.get(owner);
    if (known) return known;
    const loaded = db
      .system((em) => load(em, tenantId))
      .catch((error: unknown) => {
        const last = kept.get(owner);
        if (!last) throw error;
        return keep(owner, last.keys);
      })
      .finally(() => loading.delete(owner));
    loading.set(owner, loaded);
    return loaded;
  };
  return {
    masterKeys,
    keysOf: async (from, tenantId) => {
      const found = kept.get(tenantId ?? '');
      if (found && performance.now() < found.until) return found.keys;
      return 'system' in from ? loadOutside(from, tenantId) : load(from, tenantId);
    },
  };
}

interface Row {
  id: string;
  tenant_id: string | null;
  version: number;
  wrapped: string;
  settled: boolean;
}

async function loadKeys(em: Em, masterKeys: MasterKeys, tenantId: string | null): Promise<Keyset> {
  const found = await rows<Row>(
    em,
    sql`select id, tenant_id, version, wrapped, created_at < now() - ${settledAfter}::interval as settled
        from data_keys where (tenant_id = ${tenantId} or tenant_id is null) and wrapped is not null
        order by tenant_id nulls last, version desc`,
  );
  const keys = new Map<Row, DataKey>();
  for (const row of found)
    keys.set(row, { id: row.id, key: masterKeys.unwrap(row.wrapped, sealed.dataKey(row.id, row.tenant_id)) });
  const own = found.filter((row) => row.tenant_id === tenantId && row.version > 0);
  const sealing = own.find(({ settled }) => settled) ?? own.at(-1);
  const key = sealing && keys.get(sealing);
  if (!key)
    throw new VaultError(
      tenantId ? `Tenant ${tenantId} has no data key: it was deleted.` : 'The installation has no data key yet.',
    );
  return createKeyset([...keys.values()], key);
}

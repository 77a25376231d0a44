import { VaultError } from '../platform/cipher.ts';
import { createKeyset, type DataKey, type Keyset } from '../platform/keyset.ts';
import { createMasterKeys, type MasterKey, type MasterKeys } from '../platform/master-keys.ts';
import type { Database, Em } from './connect.ts';
import { sealed } from './sealed.ts';
import { rows, sql } from './sql.ts';

/** Opens what is stored: the master keys of the ring, and the data keys that they wrap. */
export interface Vault {
  masterKeys: MasterKeys;
  /**
   * The keys of a tenant's rows; null: of rows without a tenant. A tenant's also open what the installation's keys
   * sealed. Within a transaction give its `em`: nothing waits for another connection. Throws `VaultError` for a tenant
   * without keys: it was deleted.
   */
  keysOf(from: Em | Database, tenantId: string | null): Promise<Keyset>;
}

/** How long a process uses the keys that it has read, in milliseconds: so long a deleted tenant's may stay in memory. */
const keptMs = 60_000;
/** A new version seals from this age on: every process has read it by then. */
const settledAfter = '5 minutes';
/** Owners whose keys a process keeps. */
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
  /** Callers at the same moment share one transaction. While the database is down the keys that are kept serve on. */
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

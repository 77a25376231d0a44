import type { Database } from '../db/connect.ts';
import { Tenant } from '../db/entities/tenants.ts';
import type { TenantName } from '../temporal/start-options.ts';

/** Names that a process remembers. */
const mostKnown = 10_000;

/** Reads a tenant's name once: nothing renames a tenant. */
export function createTenantNames(db: Database): TenantName {
  const known = new Map<string, string>();
  return async (id) => {
    const remembered = known.get(id);
    if (remembered !== undefined) return remembered;
    const tenant = await db.system((em) => em.findOne(Tenant, { id }));
    if (!tenant) return null;
    if (known.size >= mostKnown) known.clear();
    known.set(id, tenant.name);
    return tenant.name;
  };
}

import { openDatabase, type Database } from '../db/connect.ts';
import { Tenant } from '../db/entities/tenants.ts';
import { systemClock, type Clock } from '../platform/clock.ts';
import { readConfig, type Config } from '../platform/config.ts';
import { createVault, parseKeyRing, type Vault } from '../platform/vault.ts';
import { environment } from './environment.ts';

/** What a command works with. */
export interface Session {
  config: Config;
  db: Database;
  vault: Vault;
  clock: Clock;
}

/** Opens a session for one command and closes it whatever happens. */
export async function withSession<T>(work: (session: Session) => Promise<T>): Promise<T> {
  const config = readConfig(environment());
  const vault = createVault(parseKeyRing(config.ENCRYPTION_KEY, config.ENCRYPTION_KEYS));
  const db = await openDatabase(config.DATABASE_URL, { app: 2, system: 2 });
  try {
    return await work({ config, db, vault, clock: systemClock });
  } finally {
    await db.close();
  }
}

/** The tenant of a name; throws one clear line when there is none. */
export async function tenantNamed(db: Database, name: string): Promise<Tenant> {
  const found = await db.system((em) => em.findOne(Tenant, { name }));
  if (!found) throw new Error(`no tenant is called ${name}: patchbay keys create --tenant ${name} makes it`);
  return found;
}

import { openDatabase, type Database } from '../db/connect.ts';
import { Tenant } from '../db/entities/tenants.ts';
import { requireUsedKeys } from '../db/used-keys.ts';
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

/** Opens a session for one command and closes it whatever happens. Refuses a ring that lacks a key in use. */
export const withSession = <T>(work: (session: Session) => Promise<T>): Promise<T> =>
  withAnyRing(async (session) => {
    await requireUsedKeys(session.db, session.vault);
    return work(session);
  });

/** The same for commands that help where the ring is not right. */
export async function withAnyRing<T>(work: (session: Session) => Promise<T>): Promise<T> {
  const config = readConfig(environment());
  const vault = createVault(parseKeyRing(config.ENCRYPTION_KEY, config.ENCRYPTION_KEYS));
  const db = await openDatabase(config.DATABASE_URL, { app: 2, system: 2 });
  try {
    return await work({ config, db, vault, clock: await clockOf(config) });
  } finally {
    await db.close();
  }
}

/** The local stack's time is the sandbox's; a command is too short to follow it, so it asks once. */
async function clockOf({ SANDBOX_CONTROL_URL: control }: Config): Promise<Clock> {
  if (!control) return systemClock;
  try {
    const answer = await fetch(new URL('/clock', control), { signal: AbortSignal.timeout(1_000) });
    const { offset_seconds: seconds } = (await answer.json()) as { offset_seconds: number };
    return Number.isFinite(seconds) ? { now: () => new Date(Date.now() + seconds * 1000) } : systemClock;
  } catch {
    return systemClock;
  }
}

/** The tenant of a name; throws one clear line when there is none. */
export async function tenantNamed(db: Database, name: string): Promise<Tenant> {
  const found = await db.system((em) => em.findOne(Tenant, { name }));
  if (!found) throw new Error(`no tenant is called ${name}: patchbay keys create --tenant ${name} makes it`);
  return found;
}

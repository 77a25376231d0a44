import type { Database } from '../db/connect.ts';
import { Tenant } from '../db/entities/tenants.ts';
import { prepareKeys } from '../db/data-keys.ts';
import { systemClock, type Clock } from '../platform/clock.ts';
import type { Config } from '../platform/config.ts';
import { createLog } from '../platform/log.ts';
import { loadConfig, openContext } from '../services/boot.ts';
import type { Context } from '../services/context.ts';
import { recorded } from './audited.ts';
import { environment, requireInstallation } from './environment.ts';

/** Opens a context for one command and closes it whatever happens. Refuses a key ring that lacks a key in use. */
export const withContext = <T>(work: (context: Context) => Promise<T>): Promise<T> =>
  withAnyRing(async (context) => {
    await prepareKeys(context.db, context.vault.masterKeys);
    return work(context);
  });

/** The same for commands that help where the key ring is not right. */
export async function withAnyRing<T>(work: (context: Context) => Promise<T>): Promise<T> {
  requireInstallation();
  const config = loadConfig(environment());
  const { context, close } = await openContext(
    config,
    { name: 'cli', database: { pool: { app: 2, system: 2 } } },
    // Warnings of operations would stand between the lines of the answer.
    { clock: await clockOf(config), log: createLog('cli', 'silent') },
  );
  try {
    return await recorded(context, () => work(context));
  } finally {
    await close();
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

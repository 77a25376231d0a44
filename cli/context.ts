import type { Deps } from '../activities/deps.ts';
import type { ApiContext } from '../api/context.ts';
import { createLog } from '../platform/log.ts';
import { createMetrics } from '../platform/metrics.ts';
import { openMotion, type Motion } from '../platform/temporal.ts';
import { providers } from '../providers/providers.ts';
import type { Session } from './session.ts';

/** What activities need when a command calls them itself; nobody is told of what they find. */
export const depsOf = ({ config, db, vault, clock }: Session): Deps => ({
  db,
  vault,
  clock,
  log: createLog('cli', 'silent'),
  metrics: createMetrics(),
  providers,
  publicUrl: config.PUBLIC_URL,
  tellConnection: () => Promise.resolve(),
  startSyncContacts: () => Promise.resolve(),
  contactsEveryMs: config.WASENDER_SYNC_INTERVAL_HOURS * 3_600_000,
});

/** Temporal for the time of `work`. */
export async function withMotion<T>({ config, vault }: Session, work: (motion: Motion) => Promise<T>): Promise<T> {
  const motion = openMotion(config, vault);
  try {
    return await work(motion);
  } finally {
    await motion.close();
  }
}

/** What the API's own code needs. */
export const apiContextOf = ({ config, db, vault, clock }: Session, motion: Motion): ApiContext => ({
  config,
  db,
  vault,
  clock,
  log: createLog('cli', 'silent'),
  metrics: createMetrics(),
  motion,
  providers,
  publicUrl: config.PUBLIC_URL.replace(/\/$/, ''),
  stopping: new AbortController().signal,
});

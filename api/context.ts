import type { ProviderName } from '../domain/channels.ts';
import type { Database } from '../db/connect.ts';
import type { Clock } from '../platform/clock.ts';
import type { Config } from '../platform/config.ts';
import type { Log } from '../platform/log.ts';
import type { Metrics } from '../platform/metrics.ts';
import type { Motion } from '../platform/temporal.ts';
import type { Vault } from '../platform/vault.ts';
import type { Provider } from '../providers/provider.ts';

/** What the API works with; built once from the configuration, with parts replaced in tests. */
export interface ApiContext {
  config: Config;
  db: Database;
  vault: Vault;
  clock: Clock;
  log: Log;
  metrics: Metrics;
  motion: Motion;
  providers: Partial<Record<ProviderName, Provider>>;
  /** Where callers reach us, without a slash at its end. From `PUBLIC_URL` alone: no request's Host changes it. */
  publicUrl: string;
  /** Fires when the process is told to end, so that long polls answer at once. */
  stopping: AbortSignal;
}

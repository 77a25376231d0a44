import type { ProviderName } from '../domain/channels.ts';
import type { Database } from '../db/connect.ts';
import type { Clock } from '../platform/clock.ts';
import type { Log } from '../platform/log.ts';
import type { Metrics } from '../platform/metrics.ts';
import type { AccountRef } from '../platform/temporal.ts';
import type { Vault } from '../platform/vault.ts';
import type { Provider } from '../providers/provider.ts';

/** What activities work with; built once by the worker. */
export interface Deps {
  db: Database;
  vault: Vault;
  clock: Clock;
  log: Log;
  metrics: Metrics;
  providers: Partial<Record<ProviderName, Provider>>;
  /** From `PUBLIC_URL` alone: what we register upstream never follows a request's Host. */
  publicUrl: string;
  /** Tells an account's workflow to look again, starting it where none runs. */
  tellConnection(account: AccountRef): Promise<void>;
  /** Starts the account's contacts sync of that scope, whose run is in PostgreSQL. */
  startSyncContacts(account: AccountRef, scope: string): Promise<void>;
  /** How often every address book is read, in milliseconds. */
  contactsEveryMs: number;
}

/** The activity's time: never behind its workflow's, which runs ahead where time is skipped. */
export const timeOf = (deps: Deps, ref: { now: number }): Date =>
  new Date(Math.max(deps.clock.now().getTime(), ref.now));

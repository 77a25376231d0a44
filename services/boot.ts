import { listenForChanges } from '../db/change-listener.ts';
import { openDatabase, type DatabaseUse } from '../db/connect.ts';
import { saveInstallationCredentials } from '../db/queries/tenants/credentials.ts';
import { ensureLedgerKey } from '../db/queries/erasures/ledger-key.ts';
import { ensureTokenTimes } from '../db/queries/accounts/token-times.ts';
import { countPausedTenants, noticeRestore } from '../db/queries/tenants/paused-sending.ts';
import { prepareKeys } from '../db/data-keys.ts';
import { ensureDays } from '../db/queries/retention/days.ts';
import { ensureSecretHashes } from '../db/queries/webhooks/secrets.ts';
import { createVault } from '../db/vault.ts';
import { createChanges } from '../platform/changes.ts';
import { followSandbox, systemClock } from '../platform/clock.ts';
import { readConfig, type Config } from '../platform/config.ts';
import { createLog } from '../platform/log.ts';
import { bypassProxyForLoopback } from '../platform/loopback.ts';
import { createMetrics } from '../platform/metrics.ts';
import { parseKeyRing } from '../platform/master-keys.ts';
import { createSharedWork } from '../platform/shared-work.ts';
import { providers } from '../providers/providers.ts';
import { createFetchFile } from '../providers/shared/public-file.ts';
import { createPost } from '../providers/shared/public-post.ts';
import { openTemporalClient } from '../temporal/client.ts';
import { createCallLimits } from './call-limits.ts';
import type { Context } from './context.ts';
import { createFeedHub } from './events/feed-hub.ts';
import { createBlobs } from './media/create-blobs.ts';
import { fetchRestMs } from './media/wait-for-file.ts';
import { deliveryNetworks } from './outgoing/networks.ts';
import { observeProviderCalls } from './observe-provider-calls.ts';
import { createTenantNames } from './tenant-names.ts';
import { createRequestReader } from './webhooks/request-reader.ts';

/** Every provider of this version. */
export const installedProviders: Context['providers'] = providers;

/** Files that one process fetches at once because callers ask for them. */
const fetchesAtOnce = 32;

/** A process's settings from its environment. Throws `ConfigError`. */
export const loadConfig = (
  environment: Readonly<Record<string, string | undefined>>,
  of: Context['providers'] = providers,
): Config =>
  readConfig(environment, Object.fromEntries(Object.entries(of).map(([name, { settings }]) => [name, settings])));

/** What a process is, as far as its context depends on it. */
export interface ProcessKind {
  name: 'api' | 'worker' | 'cli';
  database: DatabaseUse;
  /** Requests wait in it for changes in the database: one connection more listens for them. */
  listens?: boolean;
  /** Runs when the clock jumps, as the sandbox's does; then what is due by the new time need not wait. */
  onClockJump?: () => void;
}

/** A context with what ends it. */
export interface OpenedContext {
  context: Context;
  /** Makes waiting requests answer: called before the process stops taking new ones. */
  stop(): void;
  /** Lets go of every connection. */
  close(): Promise<void>;
}

/** Builds the context of a process from its settings; `overrides` replaces parts of it, in tests and commands. */
export async function openContext(
  config: Config,
  { name, database, listens = false, onClockJump }: ProcessKind,
  overrides: Partial<Context> = {},
): Promise<OpenedContext> {
  bypassProxyForLoopback(process.env);
  const vault = createVault(parseKeyRing(config.ENCRYPTION_KEY, config.ENCRYPTION_KEYS));
  const follows = overrides.clock === undefined && config.SANDBOX_CONTROL_URL;
  const changes = createChanges();
  const clock = follows
    ? followSandbox(follows, () => {
        // What a request waits for may be overdue at the new time.
        changes.announceAll();
        onClockJump?.();
      })
    : systemClock;
  const db = await openDatabase(config.DATABASE_URL, { ...database, now: () => (overrides.clock ?? clock).now() });
  const temporal = openTemporalClient(config, () => vault.keysOf(db, null), createTenantNames(db));
  const metrics = overrides.metrics ?? createMetrics();
  if (!overrides.metrics) metrics.watchDatabase(() => db.connections());
  const log = createLog(name, config.LOG_LEVEL);
  const stopping = new AbortController();
  const reader = createRequestReader((overrides.providers ?? providers) === providers);
  const feed = createFeedHub({
    db: overrides.db ?? db,
    clock: overrides.clock ?? clock,
    log: overrides.log ?? log,
    metrics,
  });
  const context: Context = {
    config,
    db,
    vault,
    blobs: createBlobs(config),
    fetchFile: createFetchFile(),
    post: createPost(deliveryNetworks(config)),
    fetches: createSharedWork(fetchesAtOnce, fetchRestMs),
    clock,
    changes,
    feed,
    log,
    metrics,
    temporal,
    publicUrl: config.PUBLIC_URL.replace(/\/$/, ''),
    stopping: stopping.signal,
    reader,
    callLimits: createCallLimits(overrides.db ?? db, overrides.clock ?? clock, overrides.log ?? log),
    ...overrides,
    providers: observeProviderCalls(overrides.providers ?? providers, metrics, overrides.log ?? log),
  };
  const listener =
    listens &&
    listenForChanges({
      url: config.DATABASE_URL,
      db,
      changes,
      onState: (live, cause) => {
        metrics.listening.set(live ? 1 : 0);
        if (live) context.log.info('listens for changes in the database');
        else context.log.warn({ err: cause }, 'does not hear of changes in the database, and looks for them');
      },
    });
  return {
    context,
    stop: () => stopping.abort(),
    close: async () => {
      if (listener) await listener.close();
      await feed.close();
      clock.stop?.();
      await reader.close();
      await temporal.close();
      await db.close();
    },
  };
}

/**
 * What a serving process does before it serves: checks its key ring, makes lacking data keys and the key of the erasure
 * ledger, notices that a dump was restored, writes the settings of the installation, lacking hashes of webhook secrets
 * and times of tokens, and partitions of these days, and logs what providers say of the settings. `beforeLedgerKey` runs where a kept ledger is taken in.
 */
export async function prepareInstallation(context: Context, beforeLedgerKey?: () => Promise<void>): Promise<void> {
  const { config, db, vault, clock } = context;
  await prepareKeys(db, vault.masterKeys);
  await beforeLedgerKey?.();
  await ensureLedgerKey(db, vault, clock.now());
  const [restored, paused] = await db.system(
    async (em) => [await noticeRestore(em, clock.now()), await countPausedTenants(em)] as const,
  );
  if (restored) context.log.warn({ tenants: restored }, 'a dump was restored');
  if (paused) context.log.warn({ tenants: paused }, 'sending and Schedules are paused until patchbay resume');
  await saveInstallationCredentials(db, vault, clock.now(), config.providers);
  await ensureSecretHashes(db, vault);
  await ensureTokenTimes(db, vault, clock.now());
  await db
    .system((em) => ensureDays(em, clock.now()))
    .catch((error: unknown) => context.log.warn({ err: error }, 'partitions of days are made later'));
  logNotices(context);
}

/** What providers say of the installation's settings. */
function logNotices({ config, providers, clock, log }: Context): void {
  for (const { name, notices } of Object.values(providers)) {
    const settings = config.providers[name];
    const found = settings ? (notices?.(settings, clock.now().getTime()) ?? []) : [];
    for (const notice of found) log.warn({ provider: name }, notice);
  }
}

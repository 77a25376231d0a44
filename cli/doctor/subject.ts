import { openDatabase, type Database } from '../../db/connect.ts';
import type { Config } from '../../platform/config.ts';
import { createVault, type Vault } from '../../db/vault.ts';
import { parseKeyRing } from '../../platform/master-keys.ts';
import { installedProviders, loadConfig } from '../../services/boot.ts';
import type { Context } from '../../services/context.ts';
import { openTemporal, type TemporalView } from '../../temporal/view.ts';

/** The installation as checks reach it: each part is opened when a check first asks for it. */
export interface Subject {
  config(): Config;
  vault(): Vault;
  database(): Promise<Database>;
  temporal(): TemporalView;
  providers: Context['providers'];
  close(): Promise<void>;
}

export function openSubject(
  environment: Record<string, string | undefined>,
  providers: Context['providers'] = installedProviders,
): Subject {
  const config = lazy(() => loadConfig(environment, providers));
  const vault = lazy(() => createVault(parseKeyRing(config().ENCRYPTION_KEY, config().ENCRYPTION_KEYS)));
  const opened: (() => Promise<void>)[] = [];
  const database = lazy(async () => {
    const db = await openDatabase(config().DATABASE_URL, { pool: { app: 1, system: 3 } });
    opened.push(() => db.close());
    return db;
  });
  const temporal = lazy(() => {
    const view = openTemporal(config());
    opened.push(() => view.close());
    return view;
  });
  return {
    providers,
    config,
    vault,
    database,
    temporal,
    close: async () => void (await Promise.allSettled(opened.map((close) => close()))),
  };
}

/** Made once, when first asked for. An error is not kept: the next call tries again. */
function lazy<T>(make: () => T): () => T {
  let made: { value: T } | null = null;
  return () => (made ??= { value: make() }).value;
}

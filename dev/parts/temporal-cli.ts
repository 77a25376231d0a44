import { spawnSync } from 'node:child_process';
import { accessSync, constants, existsSync, readFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { openCache, PROJECT } from './home.ts';
import { waitForLock } from './lock.ts';
import type { Say } from './progress.ts';
import { downloadBySdk } from './sdk-download.ts';
import { buildTemporal } from './temporal-build.ts';

const HELP = 'install the Temporal CLI or Go 1.26.4 or later, or set TEMPORAL_CLI_PATH or TEMPORAL_ADDRESS';
const BUILD_LOCK_MS = 15 * 60_000;

/**
 * The Temporal CLI: TEMPORAL_CLI_PATH, else `temporal` on PATH, else the cached copy, else the SDK's download (never in
 * CI: it is not checked against a checksum), else built from our Go module. Throws one clear line when none can be had.
 */
export async function findTemporalCli(env: NodeJS.ProcessEnv, say: Say, signal: AbortSignal): Promise<string> {
  const named = env.TEMPORAL_CLI_PATH;
  if (named) {
    if (!runs(named)) throw new Error(`TEMPORAL_CLI_PATH=${named} is not a Temporal CLI that runs here`);
    return named;
  }
  const installed = onPath('temporal', env);
  if (installed && runs(installed)) return installed;

  const cache = openCache(env);
  const cached = join(cache, `temporal-${cliVersion()}`);
  if (existsSync(cached) && runs(cached)) return cached;

  const lock = await waitForLock(`${cached}.lock`, BUILD_LOCK_MS, (holder) =>
    say(`  Temporal CLI: process ${holder} is getting it; waiting for that`),
  );
  try {
    if (existsSync(cached) && runs(cached)) return cached;
    const unloaded = await downloadBySdk({
      kind: 'dev-server',
      version: `v${cliVersion()}`,
      target: cached,
      env,
      say,
      signal,
    });
    if (unloaded === null && runs(cached)) return cached;
    const unbuilt = await buildTemporal({ target: cached, env, say, signal });
    if (unbuilt === null && runs(cached)) return cached;
    signal.throwIfAborted();
    throw new Error(`There is no Temporal CLI (${unloaded}; ${unbuilt}): ${HELP}`);
  } finally {
    lock.release();
  }
}

/** The version that our Go module pins. */
export function cliVersion(): string {
  const pinned = /^require github\.com\/temporalio\/cli v(\S+)$/m.exec(
    readFileSync(join(PROJECT, 'dev/temporal/go.mod'), 'utf8'),
  );
  if (!pinned?.[1]) throw new Error('dev/temporal/go.mod does not pin github.com/temporalio/cli');
  return pinned[1];
}

/** Where a program of that name is on PATH, or null. */
export function onPath(name: string, env: NodeJS.ProcessEnv): string | null {
  for (const folder of (env.PATH ?? '').split(delimiter).filter(Boolean)) {
    const file = join(folder, name);
    try {
      accessSync(file, constants.X_OK);
      return file;
    } catch {}
  }
  return null;
}

function runs(cli: string): boolean {
  const answer = spawnSync(cli, ['--version'], { encoding: 'utf8', timeout: 20_000 });
  return answer.status === 0 && answer.stdout.startsWith('temporal version');
}

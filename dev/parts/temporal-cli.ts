import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { openCache, PROJECT } from './home.ts';
import { waitForLock } from './lock.ts';
import type { Report } from './progress.ts';
import { onPath, runCommand } from './run-command.ts';

const HELP = 'install the Temporal CLI or Go 1.26.4 or later, or set TEMPORAL_CLI_PATH or TEMPORAL_ADDRESS';
const BUILD_LOCK_MS = 15 * 60_000;
/** The Temporal SDK's servers. */
const DOWNLOAD_HOST = 'https://temporal.download/';
const REACHABLE_WITHIN_MS = 3_000;
const DOWNLOAD_WITHIN_MS = 5 * 60_000;

/**
 * TEMPORAL_CLI_PATH, else `temporal` on PATH, else the cached copy, else the SDK's download, else a build of our Go
 * module. Throws one line when there is none.
 */
export async function findTemporalCli(env: NodeJS.ProcessEnv, report: Report, signal: AbortSignal): Promise<string> {
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
    report(`  Temporal CLI: waiting for process ${holder}, which is getting it`),
  );
  try {
    if (existsSync(cached) && runs(cached)) return cached;
    const target = { target: cached, env, report, signal };
    const notDownloaded = await downloadBySdk({ ...target, kind: 'dev-server', version: `v${cliVersion()}` });
    if (notDownloaded === null && runs(cached)) return cached;
    const notBuilt = await buildTemporalCli(target);
    if (notBuilt === null && runs(cached)) return cached;
    signal.throwIfAborted();
    throw new Error(`There is no Temporal CLI (${notDownloaded}; ${notBuilt}): ${HELP}`);
  } finally {
    lock.release();
  }
}

/** As our Go module pins it. */
export function cliVersion(): string {
  const pinned = /^require github\.com\/temporalio\/cli v(\S+)$/m.exec(
    readFileSync(join(PROJECT, 'dev/temporal/go.mod'), 'utf8'),
  );
  if (!pinned?.[1]) throw new Error('dev/temporal/go.mod does not pin github.com/temporalio/cli');
  return pinned[1];
}

function runs(cli: string): boolean {
  const answer = spawnSync(cli, ['--version'], { encoding: 'utf8', timeout: 20_000 });
  return answer.status === 0 && answer.stdout.startsWith('temporal version');
}

type Target = { target: string; env: NodeJS.ProcessEnv; report: Report; signal: AbortSignal };

/** Returns null, or one line with the reason of a failure. */
async function buildTemporalCli({ target, env, report, signal }: Target): Promise<string | null> {
  const next = `${target}.${process.pid}.new`;
  report('  Temporal CLI: building it from Go modules, once for this machine; this takes one to five minutes');
  const problem = await runCommand({
    command: 'go',
    args: ['build', '-ldflags=-s -w', '-o', next, 'github.com/temporalio/cli/cmd/temporal'],
    cwd: join(PROJECT, 'dev/temporal'),
    // The installed Go: it must not download another one.
    env: { ...env, GOTOOLCHAIN: 'local', GOFLAGS: '', GOWORK: 'off' },
    onTick: (seconds) => report(`  Temporal CLI: still building after ${seconds} s`),
    signal,
  });
  if (problem === null) renameSync(next, target);
  else rmSync(next, { force: true });
  return problem;
}

type Download = Target & { kind: 'dev-server' | 'time-skipping'; version: string };

/** Returns null, or one line with the reason. CI and PATCHBAY_NO_DOWNLOAD forbid it: the SDK publishes no checksum. */
export async function downloadBySdk({ kind, version, target, env, report, signal }: Download): Promise<string | null> {
  if (env.CI === 'true') return 'not downloaded in CI';
  if (env.PATCHBAY_NO_DOWNLOAD) return 'downloads are switched off by PATCHBAY_NO_DOWNLOAD';
  if (!(await reachable(signal))) return `${DOWNLOAD_HOST} cannot be reached`;
  const folder = `${target}.${process.pid}.download`;
  mkdirSync(folder, { recursive: true });
  report(`  Temporal ${kind}: downloading it, once for this machine`);
  try {
    const problem = await runCommand({
      command: process.execPath,
      args: [fileURLToPath(new URL('./sdk-download-process.ts', import.meta.url)), kind, version, folder],
      cwd: PROJECT,
      env,
      onTick: (seconds) => report(`  Temporal ${kind}: still downloading after ${seconds} s`),
      signal,
      timeoutMs: DOWNLOAD_WITHIN_MS,
    });
    if (problem !== null) return problem;
    const [file] = readdirSync(folder);
    if (!file) return 'the SDK kept no downloaded file';
    chmodSync(join(folder, file), 0o755);
    renameSync(join(folder, file), target);
    return null;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function reachable(signal: AbortSignal): Promise<boolean> {
  try {
    await fetch(DOWNLOAD_HOST, { signal: AbortSignal.any([signal, AbortSignal.timeout(REACHABLE_WITHIN_MS)]) });
    return true;
  } catch {
    return false;
  }
}

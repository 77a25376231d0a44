import { chmodSync, mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { PROJECT } from './home.ts';
import type { Say } from './progress.ts';
import { runTool } from './tool.ts';

/** The Temporal SDK fetches its servers from here. */
const DOWNLOAD_HOST = 'https://temporal.download/';
const REACHABLE_WITHIN_MS = 3_000;
const DOWNLOAD_WITHIN_MS = 5 * 60_000;

export type Download = {
  kind: 'dev-server' | 'time-skipping';
  version: string;
  target: string;
  env: NodeJS.ProcessEnv;
  say: Say;
  signal: AbortSignal;
};

/**
 * Has the Temporal SDK download one of its servers to `target`. Answers null, or in words why it did not: CI and
 * PATCHBAY_NO_DOWNLOAD forbid it, as there is no checksum to hold it against.
 */
export async function downloadBySdk({ kind, version, target, env, say, signal }: Download): Promise<string | null> {
  if (env.CI === 'true') return 'not downloaded in CI';
  if (env.PATCHBAY_NO_DOWNLOAD) return 'downloads are switched off by PATCHBAY_NO_DOWNLOAD';
  if (!(await reachable(signal))) return `${DOWNLOAD_HOST} cannot be reached`;
  const folder = `${target}.${process.pid}.download`;
  mkdirSync(folder, { recursive: true });
  say(`  Temporal ${kind}: downloading it, once for this machine`);
  try {
    const problem = await runTool({
      command: process.execPath,
      args: [fileURLToPath(new URL('./sdk-download-process.ts', import.meta.url)), kind, version, folder],
      cwd: PROJECT,
      env,
      say: (seconds) => say(`  Temporal ${kind}: still downloading after ${seconds} s`),
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

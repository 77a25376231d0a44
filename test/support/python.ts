import { spawnSync } from 'node:child_process';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { openCache } from '../../dev/parts/home.ts';
import { waitForLock } from '../../dev/parts/lock.ts';

const installMs = 240_000;

/**
 * The folder of a Python environment with these packages of PyPI, made once per machine; null where it cannot be had:
 * without python3, or where nothing may be downloaded. `name` tells them apart, with the version.
 */
export async function findPythonEnvironment(
  name: string,
  packages: readonly string[],
  env: NodeJS.ProcessEnv = process.env,
): Promise<string | null> {
  const folder = join(openCache(env), name);
  const complete = join(folder, 'complete');
  if (existsSync(complete)) return folder;
  if (env.PATCHBAY_NO_DOWNLOAD) return null;
  const lock = await waitForLock(`${folder}.lock`, installMs, () => {});
  try {
    if (existsSync(complete)) return folder;
    const run = (program: string, ...args: string[]): boolean =>
      spawnSync(program, args, { stdio: 'ignore', timeout: installMs }).status === 0;
    const installed =
      run('python3', '-m', 'venv', '--clear', folder) &&
      run(join(folder, 'bin', 'pip'), 'install', '--quiet', ...packages);
    if (!installed) return null;
    writeFileSync(complete, '');
    return folder;
  } finally {
    lock.release();
  }
}

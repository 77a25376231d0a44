import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { join } from 'node:path';

/**
 * The command's settings: its environment, and beneath it those of the local stack in PATCHBAY_HOME (default
 * `.patchbay` of this checkout), when one runs there.
 */
export function environment(env: NodeJS.ProcessEnv = process.env): Record<string, string | undefined> {
  const home = env.PATCHBAY_HOME || fileURLToPath(new URL('../.patchbay', import.meta.url));
  try {
    const stack = JSON.parse(readFileSync(join(home, 'settings.json'), 'utf8')) as Record<string, string>;
    return { ...stack, ...env };
  } catch {
    return env;
  }
}

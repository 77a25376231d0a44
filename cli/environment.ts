import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { join } from 'node:path';
import { Option } from 'commander';

const homeOf = (env: NodeJS.ProcessEnv): string =>
  env.PATCHBAY_HOME || fileURLToPath(new URL('../.patchbay', import.meta.url));

function read(env: NodeJS.ProcessEnv, file: string): Record<string, string> {
  try {
    return JSON.parse(readFileSync(join(homeOf(env), file), 'utf8')) as Record<string, string>;
  } catch {
    return {};
  }
}

/**
 * The command's settings: its environment, and beneath it those of the local stack in PATCHBAY_HOME (default
 * `.patchbay` of this checkout), when one runs there.
 */
export const environment = (env: NodeJS.ProcessEnv = process.env): Record<string, string | undefined> => ({
  ...read(env, 'settings.json'),
  ...env,
});

/** `--tenant`: may be left out where the command works on the local stack, which has a tenant of its own. */
export function tenantOption(env: NodeJS.ProcessEnv = process.env): Option {
  const option = new Option('--tenant <name>', "the tenant's name; the local stack's own when left out");
  const { tenant } = env.DATABASE_URL ? {} : read(env, 'stack.json');
  return tenant ? option.default(tenant) : option.makeOptionMandatory();
}

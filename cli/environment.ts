import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { join } from 'node:path';
import { Option } from 'commander';
import { UsageError } from './usage.ts';

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
 * `.patchbay` of this checkout), when one runs there. With another database than the stack's, nothing of the stack
 * counts: its key is not that installation's.
 */
export function environment(env: NodeJS.ProcessEnv = process.env): Record<string, string | undefined> {
  const local = read(env, 'settings.json');
  return isLocal(env, local) ? { ...local, ...env } : env;
}

/** Throws one line where there is nothing to work on. */
export function requireInstallation(env: NodeJS.ProcessEnv = process.env): void {
  if (environment(env).DATABASE_URL) return;
  throw new Error(
    `no local stack runs in ${homeOf(env)}: start one with npm start, or set DATABASE_URL and the other settings of an ` +
      'installation (docs/reference.md)',
  );
}

const isLocal = (env: NodeJS.ProcessEnv, local: Record<string, string>): boolean =>
  !env.DATABASE_URL || env.DATABASE_URL === local.DATABASE_URL;

/** `--tenant`: may be left out where the command works on the local stack, which has a tenant of its own. */
export function tenantOption(env: NodeJS.ProcessEnv = process.env): Option {
  const option = new Option('--tenant <name>', "the tenant's name; the local stack's own when left out").argParser(
    named,
  );
  const { tenant } = isLocal(env, read(env, 'settings.json')) ? read(env, 'stack.json') : {};
  if (tenant) return option.default(tenant);
  // Without an installation the command ends with a better reason than a missing option.
  return environment(env).DATABASE_URL ? option.makeOptionMandatory() : option;
}

function named(name: string): string {
  if (!name.trim()) throw new UsageError('--tenant takes a name');
  return name;
}

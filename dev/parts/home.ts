import { randomBytes } from 'node:crypto';
import { chmodSync, existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

export const PROJECT = fileURLToPath(new URL('../../', import.meta.url));

/** One local stack's data, logs, secrets and stack.json. */
export type Home = { path: string; logs: string };

/** PATCHBAY_HOME, or `.patchbay` in the project; made when missing. */
export function openHome(env: NodeJS.ProcessEnv): Home {
  const path = env.PATCHBAY_HOME ? resolve(env.PATCHBAY_HOME) : join(PROJECT, '.patchbay');
  const home = { path, logs: join(path, 'logs') };
  if (!existsSync(path)) {
    mkdirSync(path, { recursive: true });
    // For root, PostgreSQL runs as another user, which must be able to pass through; secret files are 0600.
    chmodSync(path, process.getuid?.() === 0 ? 0o711 : 0o700);
  }
  mkdirSync(home.logs, { recursive: true, mode: 0o700 });
  return home;
}

/** For downloads and builds, one per machine and user: PATCHBAY_CACHE, else under XDG_CACHE_HOME or ~/.cache. */
export function openCache(env: NodeJS.ProcessEnv): string {
  const path = env.PATCHBAY_CACHE
    ? resolve(env.PATCHBAY_CACHE)
    : join(env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'patchbay');
  mkdirSync(path, { recursive: true });
  return path;
}

/** Only its owner may read the file. The rename makes readers see the old text or the new one, never a part. */
export function writePrivate(file: string, text: string): void {
  const next = `${file}.${process.pid}.tmp`;
  writeFileSync(next, text, { mode: 0o600 });
  renameSync(next, file);
}

/** Reads a private file; makes and writes its value where it is missing. */
export function keep(file: string, make: () => string): string {
  if (existsSync(file)) return readFileSync(file, 'utf8').trim();
  const made = make();
  writePrivate(file, `${made}\n`);
  return made;
}

/** 192 random bits that need no escaping in a URL or in SQL. */
export function randomPassword(): string {
  return randomBytes(24).toString('base64url');
}

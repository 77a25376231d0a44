import { randomBytes } from 'node:crypto';
import {
  accessSync,
  chmodSync,
  constants,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  writeFileSync,
} from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

export const PROJECT = fileURLToPath(new URL('../../', import.meta.url));

/** One local stack's data, logs, secrets and stack.json. */
export type Home = { path: string; logs: string };

const homeOf = (env: NodeJS.ProcessEnv): string => resolve(env.PATCHBAY_HOME || join(PROJECT, '.patchbay'));

/** PATCHBAY_HOME, or `.patchbay` in the project; made when missing. Throws one line when that is not possible. */
export function openHome(env: NodeJS.ProcessEnv): Home {
  const path = homeOf(env);
  const home = { path, logs: join(path, 'logs') };
  try {
    // For root, PostgreSQL runs as another user, which must be able to pass through; secret files are 0600.
    if (makeFolder(path)) chmodSync(path, process.getuid?.() === 0 ? 0o711 : 0o700);
    if (makeFolder(home.logs)) chmodSync(home.logs, 0o700);
    accessSync(path, constants.W_OK);
  } catch (error) {
    throw new Error(`${path} cannot be used (${errorCode(error)}): set PATCHBAY_HOME to a folder that can be written`);
  }
  return home;
}

/**
 * An empty home for one run. PostgreSQL's user may enter it, so that its data is in it, too, and goes with it: remove it
 * when the stack has stopped.
 */
export function makeTemporaryHome(name: string): string {
  const path = mkdtempSync(join(tmpdir(), `patchbay-${name}-`));
  chmodSync(path, 0o711);
  return path;
}

/** Answers whether it made the folder. One level at a time: Node's recursive mkdir never returns for /proc/x. */
function makeFolder(path: string): boolean {
  if (existsSync(path)) return false;
  if (dirname(path) !== path) makeFolder(dirname(path));
  mkdirSync(path);
  return true;
}

const errorCode = (error: unknown): string => (error as NodeJS.ErrnoException).code ?? String(error);

/**
 * For downloads and builds, one per machine and user: PATCHBAY_CACHE, else under XDG_CACHE_HOME or ~/.cache, else in the
 * home of the stack.
 */
export function openCache(env: NodeJS.ProcessEnv): string {
  const own = env.PATCHBAY_CACHE ? [resolve(env.PATCHBAY_CACHE)] : null;
  const folders = own ?? [
    join(env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'patchbay'),
    join(homeOf(env), 'cache'),
  ];
  const errors: string[] = [];
  for (const path of folders)
    try {
      makeFolder(path);
      accessSync(path, constants.W_OK);
      return path;
    } catch (error) {
      errors.push(`${path}: ${errorCode(error)}`);
    }
  throw new Error(`no folder for downloads (${errors.join('; ')}): set PATCHBAY_CACHE to one that can be written`);
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

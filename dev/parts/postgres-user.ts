import { execFileSync, spawnSync } from 'node:child_process';
import { chmodSync, lstatSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';

/** The system user that PostgreSQL runs as. */
export type User = { uid: number; gid: number };

/**
 * PostgreSQL refuses to run as root. For root this is the system user `postgres`, made when missing; for anybody else
 * null: it runs as they do. Throws one clear line when the user cannot be made.
 */
export function postgresUser(): User | null {
  if (process.getuid?.() !== 0) return null;
  const known = lookUp();
  if (known) return known;
  spawnSync('groupadd', ['--system', 'postgres']);
  const made = spawnSync('useradd', ['--system', '--gid', 'postgres', '--no-create-home', 'postgres'], {
    encoding: 'utf8',
  });
  const user = lookUp();
  if (!user) {
    const why = made.error?.message ?? made.stderr.trim();
    throw new Error(
      `PostgreSQL cannot run as root and a user postgres cannot be made (${why}): start Patchbay as an ordinary user, or set DATABASE_URL`,
    );
  }
  return user;
}

/** Whether that user may enter a folder and everything above it. */
export function canEnter(user: User, folder: string): boolean {
  return spawnSync('/bin/sh', ['-c', 'cd "$0"', folder], { ...user, cwd: '/', stdio: 'ignore' }).status === 0;
}

/**
 * A folder of root under /var/tmp that every user may enter and only root may change. Throws when somebody else owns
 * one of that name: /var/tmp is everybody's.
 */
export function sharedFolder(name: string): string {
  const path = join('/var/tmp', `patchbay-${name}`);
  mkdirSync(path, { recursive: true });
  const found = lstatSync(path);
  if (!found.isDirectory() || found.uid !== 0) throw new Error(`${path} is not a folder of root: remove it`);
  chmodSync(path, 0o755);
  return path;
}

function lookUp(): User | null {
  try {
    const id = (flag: string) => Number(execFileSync('id', [flag, 'postgres'], { encoding: 'utf8', stdio: 'pipe' }));
    return { uid: id('-u'), gid: id('-g') };
  } catch {
    return null;
  }
}

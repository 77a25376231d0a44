import { linkSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { identify, isRunning, type ProcessIdentity } from './process-identity.ts';

export type Lock = { release: () => void };

/** Takes a lock file, or returns the pid of its holder. A lock whose holder no longer runs is taken over. */
export function tryLock(file: string): Lock | { holder: number } {
  const self = identify(process.pid);
  if (!self) throw new Error('this process cannot be identified');
  const own = `${file}.${process.pid}`;
  // Linked into place when complete: readers never see a part of it.
  writeFileSync(own, JSON.stringify(self), { mode: 0o600 });
  try {
    for (;;) {
      try {
        linkSync(own, file);
        return { release: () => rmSync(file, { force: true }) };
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
      }
      const holder = readHolder(file);
      if (holder && isRunning(holder)) return { holder: holder.pid };
      removeStale(file, holder);
    }
  } finally {
    rmSync(own, { force: true });
  }
}

/** `onWait` is called once, with the holder's pid, when the lock is taken. */
export async function waitForLock(file: string, ms: number, onWait: (holder: number) => void): Promise<Lock> {
  const until = Date.now() + ms;
  let waiting = false;
  for (;;) {
    const lock = tryLock(file);
    if ('release' in lock) return lock;
    if (!waiting) onWait(lock.holder);
    waiting = true;
    if (Date.now() > until) throw new Error(`process ${lock.holder} still holds ${file}`);
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}

function readHolder(file: string): ProcessIdentity | null {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as ProcessIdentity;
  } catch {
    return null;
  }
}

/** Moves a stale lock away; puts it back if another process took the lock in between. */
function removeStale(file: string, seen: ProcessIdentity | null): void {
  const away = `${file}.stale.${process.pid}`;
  try {
    renameSync(file, away);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return;
    throw error;
  }
  const moved = readHolder(away);
  if (moved && (moved.pid !== seen?.pid || moved.started !== seen.started)) linkSync(away, file);
  rmSync(away, { force: true });
}

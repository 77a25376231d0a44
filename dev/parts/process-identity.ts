import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { writePrivate } from './home.ts';

/** Distinguishes a process from a later one with the same pid. */
export type ProcessIdentity = { pid: number; started: string };

/** The processes of a killed stack end by themselves within this time. */
const STALE_GRACE_MS = 8_500;

/** Null when there is none (a zombie counts as none). */
export function identify(pid: number): ProcessIdentity | null {
  const started = process.platform === 'linux' ? linuxStart(pid) : psStart(pid);
  return started === null ? null : { pid, started };
}

export function isRunning(identity: ProcessIdentity): boolean {
  return identify(identity.pid)?.started === identity.started;
}

/** For the next start's `endStaleProcesses`. */
export function recordProcesses(file: string, processes: ProcessIdentity[]): void {
  writePrivate(file, JSON.stringify(processes));
}

/** Waits for the processes of a killed stack, and kills those that do not end in time. */
export async function endStaleProcesses(file: string, signal: AbortSignal): Promise<void> {
  if (!existsSync(file)) return;
  const processes = JSON.parse(readFileSync(file, 'utf8')) as ProcessIdentity[];
  const until = Date.now() + STALE_GRACE_MS;
  for (const stale of processes) {
    while (isRunning(stale)) {
      if (Date.now() > until) process.kill(stale.pid, 'SIGKILL');
      await sleep(50, undefined, { signal });
    }
  }
  rmSync(file, { force: true });
}

function linuxStart(pid: number): string | null {
  try {
    // proc(5): the command's name, in parentheses, may hold anything; the state follows it, the start time is field 22.
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return fields[0] === 'Z' || fields[0] === 'X' ? null : (fields[19] ?? null);
  } catch {
    return null;
  }
}

function psStart(pid: number): string | null {
  try {
    return execFileSync('ps', ['-o', 'lstart=', '-p', String(pid)], { encoding: 'utf8' }).trim() || null;
  } catch {
    return null;
  }
}

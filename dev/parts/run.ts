import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, openSync, readSync, renameSync, statSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { identify, isRunning, type ProcessIdentity } from './process-identity.ts';
import type { GuardedChild } from './child-guard.ts';

/** One of our Node scripts, or another program, perhaps as another user. */
export type Program =
  | { script: string; args?: string[] }
  | { binary: string; args: string[]; user: { uid: number; gid: number } | null; stopSignal: NodeJS.Signals };

export type RunOptions = { cwd: string; env: NodeJS.ProcessEnv; log: string; graceMs: number };

export type Run = {
  /** Never the guard's; null until it is known, and when the part could not be started. */
  pid: () => number | null;
  processes: () => ProcessIdentity[];
  /** A signal's name, an exit code, or an error. */
  ended: Promise<string>;
  hasEnded: () => boolean;
  printed: () => string;
  /** Sends the stop signal; SIGKILL after the grace. */
  stop: () => Promise<void>;
};

const EXIT_WITH_PARENT = new URL('./exit-with-parent.ts', import.meta.url).href;
const CHILD_GUARD = fileURLToPath(new URL('./child-guard.ts', import.meta.url));
/** The guard outlives its child's grace by this, to report how the child ended. */
const GUARD_EXTRA_MS = 300;
const LOG_LIMIT = 10 * 1024 * 1024;
const PRINTED_LIMIT = 1024 * 1024;

/** In a process group of its own: a terminal's Ctrl-C reaches only the supervisor, which stops the part. */
export function startRun(program: Program, options: RunOptions, onPid: (pid: number) => void): Run {
  const from = rotate(options.log);
  const log = openSync(options.log, 'a', 0o600);
  const child = spawn(process.execPath, nodeArguments(program, options), {
    cwd: options.cwd,
    env: options.env,
    detached: true,
    stdio: ['ignore', log, log, 'ipc'],
  });
  closeSync(log);

  let own: ProcessIdentity | null = null;
  let over = false;
  const setOwn = (pid: number | undefined) => {
    own = pid === undefined ? null : identify(pid);
    if (own) onPid(own.pid);
  };
  const direct = child.pid === undefined ? null : identify(child.pid);
  if ('script' in program) setOwn(child.pid);
  else child.once('message', (message) => setOwn((message as { pid: number }).pid));
  child.on('message', () => {});

  const ended = endOf(child).then(async (how) => {
    // A guard that was killed leaves its child running.
    if (own && 'binary' in program) await endOrphan(own, program.stopSignal, options.graceMs);
    over = true;
    return how;
  });
  return {
    pid: () => own?.pid ?? null,
    processes: () => [direct, own].filter((identity) => identity !== null),
    ended,
    hasEnded: () => over,
    printed: () => readFrom(options.log, from),
    stop: async () => {
      if (over) return;
      child.kill('SIGTERM');
      const patience = 'binary' in program ? options.graceMs + GUARD_EXTRA_MS : options.graceMs;
      const killing = setTimeout(() => child.kill('SIGKILL'), patience);
      await ended;
      clearTimeout(killing);
    },
  };
}

function nodeArguments(program: Program, options: RunOptions): string[] {
  if ('script' in program) return ['--import', EXIT_WITH_PARENT, program.script, ...(program.args ?? [])];
  const { binary, args, user, stopSignal } = program;
  const guarded: GuardedChild = { command: binary, args, user, stopSignal, graceMs: options.graceMs };
  return [CHILD_GUARD, JSON.stringify(guarded)];
}

function endOf(child: ChildProcess): Promise<string> {
  return new Promise((resolve) => {
    child.once('error', (error) => resolve(error.message));
    child.once('exit', (code, signal) => resolve(signal ?? `exit code ${code}`));
  });
}

async function endOrphan(orphan: ProcessIdentity, signal: NodeJS.Signals, graceMs: number): Promise<void> {
  const until = Date.now() + graceMs;
  if (isRunning(orphan)) process.kill(orphan.pid, signal);
  while (isRunning(orphan)) {
    if (Date.now() > until) process.kill(orphan.pid, 'SIGKILL');
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** Renames a large log; returns the offset of the next line. */
function rotate(log: string): number {
  const size = statSync(log, { throwIfNoEntry: false })?.size ?? 0;
  if (size < LOG_LIMIT) return size;
  renameSync(log, `${log}.1`);
  return 0;
}

function readFrom(file: string, offset: number): string {
  const fd = openSync(file, 'r');
  try {
    const bytes = Buffer.alloc(PRINTED_LIMIT);
    return bytes.toString('utf8', 0, readSync(fd, bytes, 0, PRINTED_LIMIT, offset));
  } finally {
    closeSync(fd);
  }
}

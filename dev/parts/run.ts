import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, openSync, readSync, renameSync, statSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { identify, isRunning, type ProcessIdentity } from './process-identity.ts';
import type { Kept } from './keeper.ts';

/** How to run a part: a Node script of ours, or a program that is not ours (then as another user when root must not). */
export type Program =
  | { script: string; args?: string[] }
  | { binary: string; args: string[]; user: { uid: number; gid: number } | null; stopSignal: NodeJS.Signals };

export type RunOptions = { cwd: string; env: NodeJS.ProcessEnv; log: string; graceMs: number };

/** One life of a part. */
export type Run = {
  /** The part's own process id, never its keeper's; null until known and when it could not be started. */
  pid: () => number | null;
  /** Every process that belongs to it. */
  processes: () => ProcessIdentity[];
  /** Resolves with how it ended, in words. */
  ended: Promise<string>;
  hasEnded: () => boolean;
  /** What it has printed in this life. */
  printed: () => string;
  /** Asks it to stop, waits for the grace, then kills it. */
  stop: () => Promise<void>;
};

const FOLLOW_PARENT = new URL('./follow-parent.ts', import.meta.url).href;
const KEEPER = fileURLToPath(new URL('./keeper.ts', import.meta.url));
const KEEPER_EXTRA_MS = 300;
const LOG_LIMIT = 10 * 1024 * 1024;
const PRINTED_LIMIT = 1024 * 1024;

/** Starts a part in its own process group, so that a terminal's Ctrl-C reaches it only through its supervisor. */
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
  const keeper = child.pid === undefined ? null : identify(child.pid);
  if ('script' in program) setOwn(child.pid);
  else child.once('message', (message) => setOwn((message as { pid: number }).pid));
  // Without a listener an unexpected message or a channel that breaks would be an error of ours.
  child.on('message', () => {});

  const ended = endOf(child).then(async (how) => {
    // A keeper that was killed leaves its program behind.
    if (own && 'binary' in program) await endOrphan(own, program.stopSignal, options.graceMs);
    over = true;
    return how;
  });
  return {
    pid: () => own?.pid ?? null,
    processes: () => [keeper, own].filter((identity) => identity !== null),
    ended,
    hasEnded: () => over,
    printed: () => readFrom(options.log, from),
    stop: async () => {
      if (over) return;
      child.kill('SIGTERM');
      const patience = 'binary' in program ? options.graceMs + KEEPER_EXTRA_MS : options.graceMs;
      const killing = setTimeout(() => child.kill('SIGKILL'), patience);
      await ended;
      clearTimeout(killing);
    },
  };
}

function nodeArguments(program: Program, options: RunOptions): string[] {
  if ('script' in program) return ['--import', FOLLOW_PARENT, program.script, ...(program.args ?? [])];
  const { binary, args, user, stopSignal } = program;
  const kept: Kept = { command: binary, args, user, stopSignal, graceMs: options.graceMs };
  return [KEEPER, JSON.stringify(kept)];
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

/** Puts a log that has grown large aside, and answers the offset at which the next line will be written. */
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

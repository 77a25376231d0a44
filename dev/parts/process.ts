import { setTimeout as sleep } from 'node:timers/promises';
import { join } from 'node:path';
import { complaintIn } from './complaint.ts';
import { PROJECT } from './home.ts';
import type { ProcessIdentity } from './process-identity.ts';
import type { Say } from './progress.ts';
import { type Program, type Run, startRun } from './run.ts';

/** A part of the local stack and what it means for it to be ready. Times are milliseconds. */
export type PartSpec = {
  name: string;
  program: Program;
  env: NodeJS.ProcessEnv;
  /** Asked again and again until it answers true; an error counts as not yet. */
  isReady: (run: Run) => Promise<boolean> | boolean;
  readyWithinMs: number;
  /** From being asked to stop to being killed. */
  graceMs: number;
  /** What must be put right before each start, such as a lock file left by a crash. */
  prepare?: () => Promise<void>;
};

export type Around = {
  logs: string;
  say: Say;
  /** Ends a start that is under way. */
  signal: AbortSignal;
  /** Told each time that a process of a part began or ended. */
  onChange: () => void;
};

/** A part that runs, and is started again when it dies, until it is stopped. */
export type Part = {
  name: string;
  pid: () => number | null;
  processes: () => ProcessIdentity[];
  stop: () => Promise<void>;
};

const POLL_MS = 50;
const FIRST_WAIT_MS = 250;
const LONGEST_WAIT_MS = 10_000;
/** A part that lived this long is no longer in a row of failures. */
const STEADY_MS = 30_000;

/** Starts a part and resolves when it is ready. Throws one clear line when it is not ready in time or ends before. */
export async function startPart(spec: PartSpec, around: Around): Promise<Part> {
  const log = join(around.logs, `${spec.name}.log`);
  const stopping = new AbortController();
  const anyStop = AbortSignal.any([around.signal, stopping.signal]);

  const begin = async (): Promise<Run> => {
    await spec.prepare?.();
    anyStop.throwIfAborted();
    const { env, graceMs } = spec;
    const begun = startRun(spec.program, { cwd: PROJECT, env, log, graceMs }, around.onChange);
    void begun.ended.then(around.onChange);
    return begun;
  };

  let run = await begin();
  await untilReady(spec, run, log, anyStop);

  const keepAlive = async (): Promise<void> => {
    for (let wait = FIRST_WAIT_MS, began = Date.now(); ; wait = Math.min(wait * 2, LONGEST_WAIT_MS)) {
      const how = await run.ended;
      if (stopping.signal.aborted) return;
      if (Date.now() - began > STEADY_MS) wait = FIRST_WAIT_MS;
      around.say(`${spec.name} ended (${how}); starting it again in ${wait / 1000} s; its log is ${log}`);
      await sleep(wait, undefined, { signal: stopping.signal });
      began = Date.now();
      run = await begin();
      around.onChange();
      try {
        await untilReady(spec, run, log, stopping.signal);
        around.say(`${spec.name} runs again`);
      } catch (error) {
        if (stopping.signal.aborted) return;
        around.say((error as Error).message);
      }
    }
  };
  const keeping = keepAlive().catch((error: Error) => {
    if (!stopping.signal.aborted) around.say(`${spec.name} cannot be started again: ${error.message}`);
  });

  return {
    name: spec.name,
    pid: () => (run.hasEnded() ? null : run.pid()),
    processes: () => (run.hasEnded() ? [] : run.processes()),
    stop: async () => {
      stopping.abort();
      await run.stop();
      await keeping;
      await run.stop();
    },
  };
}

/** Waits until a run is ready; otherwise stops it and throws. */
async function untilReady(spec: PartSpec, run: Run, log: string, signal: AbortSignal): Promise<void> {
  const until = Date.now() + spec.readyWithinMs;
  for (;;) {
    if (!run.hasEnded() && (await isReady(spec, run))) return;
    const late = Date.now() > until;
    if (run.hasEnded() || late || signal.aborted) {
      await run.stop();
      signal.throwIfAborted();
      const what = late ? `was not ready within ${spec.readyWithinMs / 1000} s` : `ended (${await run.ended})`;
      throw new Error(`${spec.name} ${what}; the end of ${log}: ${complaintIn(run.printed())}`);
    }
    await sleep(POLL_MS);
  }
}

async function isReady(spec: PartSpec, run: Run): Promise<boolean> {
  try {
    return await spec.isReady(run);
  } catch {
    return false;
  }
}

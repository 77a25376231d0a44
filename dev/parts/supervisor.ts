import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Home, PROJECT, writePrivate } from './home.ts';
import type { ReservedPort } from './ports.ts';
import { type ProcessIdentity, recordProcesses } from './process-identity.ts';
import { type Report, step } from './progress.ts';
import { errorMessageIn } from './run-command.ts';
import { type Program, type Run, startRun } from './run.ts';
import type { PartName, StackFile } from './stack-file.ts';

/** Times are milliseconds. */
export type PartSpec = {
  name: string;
  program: Program;
  env: NodeJS.ProcessEnv;
  /** By default the project. */
  cwd?: string;
  /** An error counts as false; when the part does not get ready, the last error is reported. */
  isReady: (run: Run) => Promise<boolean> | boolean;
  readyWithinMs: number;
  /** From the stop signal to SIGKILL. */
  graceMs: number;
  /** Before each start: removes what a crash left behind. */
  prepare?: () => Promise<void>;
};

export type Around = {
  logs: string;
  report: Report;
  /** Aborts a start that is under way. */
  signal: AbortSignal;
  /** Called when a process of a part began or ended. */
  onChange: () => void;
};

/** Restarted when it ends, until it is stopped. */
export type Part = {
  name: string;
  pid: () => number | null;
  processes: () => ProcessIdentity[];
  stop: () => Promise<void>;
};

const POLL_MS = 50;
const FIRST_WAIT_MS = 250;
const LONGEST_WAIT_MS = 10_000;
/** A run of this length resets the wait before the next restart. */
const STEADY_MS = 30_000;

/** Resolves when the part is ready. Throws one line when it ends or is not ready in time. */
export async function startPart(spec: PartSpec, around: Around): Promise<Part> {
  const log = join(around.logs, `${spec.name}.log`);
  const stopping = new AbortController();
  const anyStop = AbortSignal.any([around.signal, stopping.signal]);

  const begin = async (): Promise<Run> => {
    await spec.prepare?.();
    anyStop.throwIfAborted();
    const { env, graceMs } = spec;
    const begun = startRun(spec.program, { cwd: spec.cwd ?? PROJECT, env, log, graceMs }, around.onChange);
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
      around.report(`${spec.name} ended (${how}); starting it again in ${wait / 1000} s; its log is ${log}`);
      await sleep(wait, undefined, { signal: stopping.signal });
      began = Date.now();
      run = await begin();
      around.onChange();
      try {
        await untilReady(spec, run, log, stopping.signal);
        around.report(`${spec.name} runs again`);
      } catch (error) {
        if (stopping.signal.aborted) return;
        around.report((error as Error).message);
      }
    }
  };
  const keeping = keepAlive().catch((error: Error) => {
    if (!stopping.signal.aborted) around.report(`${spec.name} cannot be started again: ${error.message}`);
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

async function untilReady(spec: PartSpec, run: Run, log: string, signal: AbortSignal): Promise<void> {
  const until = Date.now() + spec.readyWithinMs;
  let probe = '';
  for (;;) {
    try {
      if (!run.hasEnded() && (await spec.isReady(run))) return;
    } catch (error) {
      probe = `; its last answer: ${probeError(error)}`;
    }
    const late = Date.now() > until;
    if (run.hasEnded() || late || signal.aborted) {
      await run.stop();
      signal.throwIfAborted();
      const what = late ? `was not ready within ${spec.readyWithinMs / 1000} s` : `ended (${await run.ended})`;
      throw new Error(`${spec.name} ${what}${late ? probe : ''}; the end of ${log}: ${errorMessageIn(run.printed())}`);
    }
    await sleep(POLL_MS);
  }
}

/** `fetch` keeps the reason in `cause`. */
function probeError(error: unknown): string {
  const { message, cause } = error as Error;
  return cause instanceof Error ? `${message} (${cause.message})` : message;
}

export type StackParts = ReturnType<typeof superviseParts>;

/** Keeps the files of the home that describe the parts up to date. */
export function superviseParts(home: Home, report: Report, signal: AbortSignal) {
  const parts = new Map<PartName, Part>();
  const reserved: ReservedPort[] = [];
  const file = join(home.path, 'stack.json');
  const processFile = join(home.path, 'processes.json');
  const settings = join(home.path, 'settings.json');
  let describe: (() => StackFile) | null = null;

  const onChange = () => {
    recordProcesses(
      processFile,
      [...parts.values()].flatMap((part) => part.processes()),
    );
    if (describe) writePrivate(file, `${JSON.stringify(describe(), null, 2)}\n`);
  };
  const around: Around = { logs: home.logs, report, signal, onChange };
  const stopAll = (names: PartName[]) => Promise.all(names.map(async (name) => parts.get(name)?.stop()));
  return {
    file,
    processFile,
    start: async (name: PartName, spec: PartSpec) => {
      await step(report, name, async () => void parts.set(name, await startPart(spec, around)));
      onChange();
    },
    pid: (name: PartName) => parts.get(name)?.pid() ?? null,
    hold: (ports: ReservedPort[]) => void reserved.push(...ports),
    /** The settings with which the `patchbay` command finds this stack. */
    keepSettings: (own: Record<string, string>) => writePrivate(settings, `${JSON.stringify(own, null, 2)}\n`),
    publish: (described: () => StackFile) => {
      describe = described;
      onChange();
    },
    /** Clients stop before the servers that they use. */
    stop: async () => {
      describe = null;
      for (const path of [file, settings]) rmSync(path, { force: true });
      await stopAll(['api', 'worker', 'sandbox']);
      await stopAll(['temporal', 'postgres']);
      await Promise.all(reserved.splice(0).map((port) => port.release()));
      rmSync(processFile, { force: true });
    },
  };
}

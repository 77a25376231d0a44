import { existsSync, readFileSync, rmSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { writePrivate } from './home.ts';
import { isRunning, type ProcessIdentity } from './process-identity.ts';

/** The parts of a stack that was killed end by themselves; this long they are given (milliseconds). */
const PATIENCE_MS = 8_500;

/** Notes every process of the running stack, so that the next start can be sure that they are gone. */
export function noteProcesses(file: string, processes: ProcessIdentity[]): void {
  writePrivate(file, JSON.stringify(processes));
}

/** Waits for the processes of a stack that was killed to end; kills those that do not. */
export async function endLeftovers(file: string, signal: AbortSignal): Promise<void> {
  if (!existsSync(file)) return;
  const processes = JSON.parse(readFileSync(file, 'utf8')) as ProcessIdentity[];
  const until = Date.now() + PATIENCE_MS;
  for (const left of processes) {
    while (isRunning(left)) {
      if (Date.now() > until) process.kill(left.pid, 'SIGKILL');
      await sleep(50, undefined, { signal });
    }
  }
  rmSync(file, { force: true });
}

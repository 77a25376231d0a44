import { existsSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { styleText } from 'node:util';
import { requireNode } from './parts/node-version.ts';
import type { StackFile } from './parts/stack-file.ts';
import type { Stage } from './demo/stage.ts';

requireNode();

const { startStack } = await import('./stack.ts');
const { isolate } = await import('./parts/isolate.ts');
const { reportToStdout } = await import('./parts/progress.ts');
const { makeTemporaryHome, openHome } = await import('./parts/home.ts');
const { openStage } = await import('./demo/stage.ts');
const { playScenes } = await import('./demo/scenes.ts');

const stopping = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => stopping.abort());

/** Null where there is no stack, or where a killed one left its file behind. */
async function findRunning(file: string): Promise<StackFile | null> {
  if (!existsSync(file)) return null;
  const stack = JSON.parse(readFileSync(file, 'utf8')) as StackFile;
  try {
    await (await fetch(new URL('/healthz', stack.api_url))).body?.cancel();
    return stack;
  } catch {
    return null;
  }
}

async function findStack(): Promise<{ stack: StackFile; home: string; end: () => Promise<void> }> {
  const { path } = openHome(process.env);
  const running = await findRunning(join(path, 'stack.json'));
  if (running) return { stack: running, home: path, end: () => Promise.resolve() };
  console.log('No stack is running: starting one for this demo.');
  const home = makeTemporaryHome('demo');
  const end = () => rmSync(home, { recursive: true, force: true });
  try {
    const own = await startStack({ ...process.env, PATCHBAY_HOME: home }, reportToStdout, stopping.signal);
    return { stack: own.describe(), home, end: () => own.stop().then(end) };
  } catch (error) {
    end();
    throw error;
  }
}

/** The stack is the user's, and all of it follows this clock. */
async function putClockBack(stage: Stage): Promise<void> {
  try {
    const seconds = await stage.putClockBack();
    if (seconds) console.log(`\nThe sandbox's clock is put back by the ${seconds} seconds that it was advanced.`);
  } catch (error) {
    process.stderr.write(`patchbay: the sandbox's clock could not be put back: ${(error as Error).message}\n`);
    process.exitCode = 1;
  }
}

let part = 'the start';
try {
  isolate(process.env);
  const { stack, home, end } = await findStack();
  try {
    const stage = openStage(stack, home, stopping.signal);
    try {
      await playScenes(stage, (title) => (part = title));
    } finally {
      await putClockBack(stage);
    }
  } finally {
    await end();
  }
  console.log(styleText('green', '\nThe demo is over: every step succeeded.'));
} catch (error) {
  const stopped = stopping.signal.aborted;
  process.stderr.write(
    stopped
      ? 'patchbay: the demo was stopped\n'
      : `patchbay: the demo failed at "${part}": ${(error as Error).message}\n`,
  );
  process.exitCode = stopped ? 130 : 1;
}

import { requireNode } from './parts/node-version.ts';

requireNode();

// Loaded only now: an older Node could stop at something in there with a less clear line.
const { startStack } = await import('./stack.ts');
const { addressTable } = await import('./parts/stack-file.ts');
const { sayAloud: say } = await import('./parts/progress.ts');

/** However a part behaves, the stack is down by then; what is left ends by itself, as its supervisor is gone. */
const DOWN_WITHIN_MS = 9_500;

const stopping = new AbortController();
const stopped = new Promise<void>((resolve) => {
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(signal, () => {
      if (stopping.signal.aborted) return;
      setTimeout(() => process.exit(0), DOWN_WITHIN_MS).unref();
      stopping.abort();
      resolve();
    });
  }
});
// The terminal may be gone before we are.
process.stdout.on('error', () => {});
process.stderr.on('error', () => {});

try {
  say('Patchbay starts');
  const stack = await startStack(process.env, say, stopping.signal);
  say(`Patchbay is ready\n${addressTable(stack.describe(), stack.file)}\nCtrl-C stops everything`);
  await stopped;
  say('Patchbay stops');
  await stack.stop();
  process.exit(0);
} catch (error) {
  if (stopping.signal.aborted) process.exit(0);
  process.stderr.write(`patchbay: ${(error as Error).message}\n`);
  process.exit(1);
}

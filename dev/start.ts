import { requireNode } from './parts/node-version.ts';

requireNode();

// Imported after the check: an unsupported Node may fail to load these with a message that is harder to understand.
const { startStack } = await import('./stack.ts');
const { addressTable } = await import('./parts/stack-file.ts');
const { sayAloud: say } = await import('./parts/progress.ts');

/** The process exits after this time, whatever its parts do: they end when their supervisor is gone. */
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
// The terminal may close before this process ends.
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

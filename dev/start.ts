import { requireNode } from './parts/node-version.ts';

requireNode();

// Imported after the check: an unsupported Node may fail to load these with an unclear message.
const { startStack } = await import('./stack.ts');
const { addressTable } = await import('./parts/stack-file.ts');
const { isolate } = await import('./parts/isolate.ts');
const { reportToStdout: report } = await import('./parts/progress.ts');

/** The process exits after this time; its parts end with their supervisor. */
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
  report('Patchbay starts');
  isolate(process.env);
  const stack = await startStack(process.env, report, stopping.signal);
  report(`Patchbay is ready\n${addressTable(stack.describe(), stack)}\nCtrl-C stops everything`);
  await stopped;
  report('Patchbay stops');
  await stack.stop();
  process.exit(0);
} catch (error) {
  if (stopping.signal.aborted) process.exit(0);
  process.stderr.write(`patchbay: ${(error as Error).message}\n`);
  process.exit(1);
}

import { Runtime } from '@temporalio/worker';

/** Shows only warnings and errors of the Temporal SDK in the tests' output. */
export function quietRuntime(): void {
  const print = (message: string): void => void process.stderr.write(`temporal: ${message}\n`);
  const silent = (): void => undefined;
  Runtime.install({
    logger: { log: silent, trace: silent, debug: silent, info: silent, warn: print, error: print },
  });
}

import { Runtime } from '@temporalio/worker';

/** Keeps what the SDK says of its own comings and goings out of the tests' output; what warns is still shown. */
export function quietRuntime(): void {
  const say = (message: string): void => void process.stderr.write(`temporal: ${message}\n`);
  const silent = (): void => undefined;
  Runtime.install({
    logger: { log: silent, trace: silent, debug: silent, info: silent, warn: say, error: say },
  });
}

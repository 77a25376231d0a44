import { ConfigError } from '../platform/config.ts';
import { loadConfig } from '../services/boot.ts';
import { createLog } from '../platform/log.ts';
import { VaultError } from '../platform/cipher.ts';
import { startWorker } from './start.ts';

try {
  const config = loadConfig(process.env);
  const running = await startWorker(config);
  // Whatever the log level: supervisors wait for this line.
  createLog('worker', 'info').info({ queue: config.TEMPORAL_TASK_QUEUE, roles: config.WORKER_ROLES }, 'worker ready');
  const stop = (): void => {
    running.stop().then(
      () => process.exit(0),
      (error: unknown) => {
        createLog('worker', config.LOG_LEVEL).error({ err: error }, 'stopping failed');
        process.exit(1);
      },
    );
  };
  process.once('SIGTERM', stop);
  process.once('SIGINT', stop);
  await running.done;
} catch (error) {
  if (error instanceof ConfigError || error instanceof VaultError) process.stderr.write(`patchbay: ${error.message}\n`);
  else createLog('worker', 'error').error({ err: error }, 'the worker cannot start');
  process.exit(1);
}

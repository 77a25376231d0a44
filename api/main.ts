import { ConfigError } from '../platform/config.ts';
import { createLog } from '../platform/log.ts';
import { VaultError } from '../platform/cipher.ts';
import { loadConfig } from '../services/boot.ts';
import { startApi } from './start.ts';

const fail = (message: string): never => {
  process.stderr.write(`patchbay: ${message}\n`);
  process.exit(1);
};

try {
  const config = loadConfig(process.env);
  const api = await startApi(config);
  const stop = (): void => {
    // A connection that never ends must not keep the process alive after its grace.
    setTimeout(() => process.exit(1), config.SHUTDOWN_GRACE_SECONDS * 1000 + 8_000).unref();
    api.close().then(
      () => process.exit(0),
      (error: unknown) => {
        createLog('api', config.LOG_LEVEL).error({ err: error }, 'stopping failed');
        process.exit(1);
      },
    );
  };
  process.once('SIGTERM', stop);
  process.once('SIGINT', stop);
} catch (error) {
  if (error instanceof ConfigError || error instanceof VaultError) fail(error.message);
  const { code, port } = error as { code?: string; port?: number };
  if (code === 'EADDRINUSE') fail(`port ${port} is taken: set PORT or METRICS_PORT to a free one.`);
  createLog('api', 'error').error({ err: error }, 'the API cannot start');
  process.exit(1);
}

import { createServer, type AddressInfo } from 'node:net';
import { makeTelemetryFilterString, Runtime, type LogLevel, type LogMetadata } from '@temporalio/worker';
import { errorFields, type Log } from '../platform/log.ts';

const levels: Record<LogLevel, 'trace' | 'debug' | 'info' | 'warn' | 'error'> = {
  TRACE: 'trace',
  DEBUG: 'debug',
  INFO: 'debug',
  WARN: 'warn',
  ERROR: 'error',
};

/**
 * Routes the SDK's log into ours, once per process; its `INFO` becomes `debug`. Failed activities are left out: our
 * interceptor logs them, without Temporal's tokens. Serves the SDK's metrics at `metricsAddress`.
 */
export function installRuntime(log: Log, metricsAddress?: string): void {
  const write = (level: LogLevel, message: string, meta?: LogMetadata): void => {
    if (message === 'Activity failed') return;
    const { workflowId, activityType, error } = (meta ?? {}) as Record<string, unknown>;
    log[levels[level]]({ workflow: workflowId, activity: activityType, err: error && errorFields(error) }, message);
  };
  try {
    Runtime.install({
      logger: {
        log: write,
        trace: (message, meta) => write('TRACE', message, meta),
        debug: (message, meta) => write('DEBUG', message, meta),
        info: (message, meta) => write('INFO', message, meta),
        warn: (message, meta) => write('WARN', message, meta),
        error: (message, meta) => write('ERROR', message, meta),
      },
      // The process stops its workers itself.
      shutdownSignals: [],
      telemetryOptions: {
        logging: { forward: {}, filter: makeTelemetryFilterString({ core: 'WARN', other: 'ERROR' }) },
        metrics: metricsAddress ? { prometheus: { bindAddress: metricsAddress } } : undefined,
      },
    });
  } catch {
    // Already installed: tests start several workers in one process.
  }
}

/** A free loopback address: the SDK's exporter does not report the port that it took. */
export function freeAddress(): Promise<string> {
  const server = createServer();
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as AddressInfo;
      server.close(() => resolve(`127.0.0.1:${port}`));
    });
  });
}

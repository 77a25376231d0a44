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
 * Sends the SDK's own lines into our log, one process once, and opens its metrics at `metricsAddress`. What it calls
 * information is our detail; a failed activity is logged by our interceptor already, with names and without
 * Temporal's tokens.
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
      // We drain and stop workers ourselves.
      shutdownSignals: [],
      telemetryOptions: {
        logging: { forward: {}, filter: makeTelemetryFilterString({ core: 'WARN', other: 'ERROR' }) },
        metrics: metricsAddress ? { prometheus: { bindAddress: metricsAddress } } : undefined,
      },
    });
  } catch {
    // Installed already: tests start several workers in one process.
  }
}

/** A free loopback address for the SDK's own exporter, which cannot tell which port it took. */
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

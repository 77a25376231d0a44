import { mkdirSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { tryLock, type Lock } from './lock.ts';

/** Every port of the local stack. */
export const PORTS = {
  api: { fallback: 3900, variable: 'PATCHBAY_API_PORT' },
  apiMetrics: { fallback: 3901, variable: 'PATCHBAY_API_METRICS_PORT' },
  workerMetrics: { fallback: 3902, variable: 'PATCHBAY_WORKER_METRICS_PORT' },
  sandboxControl: { fallback: 3910, variable: 'PATCHBAY_SANDBOX_CONTROL_PORT' },
  sandboxUnipile: { fallback: 3911, variable: 'PATCHBAY_SANDBOX_PORT' },
  sandboxWasender: { fallback: 3912, variable: 'PATCHBAY_SANDBOX_WASENDER_PORT' },
  sandboxMeta: { fallback: 3913, variable: 'PATCHBAY_SANDBOX_META_PORT' },
  temporal: { fallback: 7239, variable: 'PATCHBAY_TEMPORAL_PORT' },
  temporalUi: { fallback: 8239, variable: 'PATCHBAY_TEMPORAL_UI_PORT' },
  postgres: { fallback: 54329, variable: 'PATCHBAY_POSTGRES_PORT' },
} as const;

export type PortName = keyof typeof PORTS;

/** A port that no other program can take until it is handed over to its part. */
export type ReservedPort = {
  number: number;
  /** Frees the port for the part. Other stacks still leave it alone, also during the part's restart. */
  handOver: () => Promise<void>;
  release: () => Promise<void>;
};

/**
 * On loopback: the port in the variable, else the default, else any free one. Throws when the variable holds no port
 * number or a taken port.
 */
export async function reservePort(name: PortName, env: NodeJS.ProcessEnv): Promise<ReservedPort> {
  const { fallback, variable } = PORTS[name];
  const wanted = env[variable];
  if (!wanted) return (await hold(fallback)) ?? reserveFreePort();
  const number = Number(wanted);
  if (!Number.isInteger(number) || number < 1 || number > 65535) {
    throw new Error(`${variable}=${wanted} is not a port: set a whole number from 1 to 65535`);
  }
  const reserved = await hold(number);
  if (!reserved) throw new Error(`${variable}=${wanted} is taken by another program: free it or set another port`);
  return reserved;
}

/** All of them, or none when one cannot be reserved. */
export async function reservePorts<N extends PortName>(
  names: readonly N[],
  env: NodeJS.ProcessEnv,
): Promise<Record<N, ReservedPort>> {
  const reserved: [N, ReservedPort][] = [];
  try {
    for (const name of names) reserved.push([name, await reservePort(name, env)]);
  } catch (error) {
    await Promise.all(reserved.map(([, port]) => port.release()));
    throw error;
  }
  return Object.fromEntries(reserved) as Record<N, ReservedPort>;
}

export async function reserveFreePort(): Promise<ReservedPort> {
  // The system may offer the port of another stack whose part is being restarted.
  for (let tries = 0; tries < 20; tries += 1) {
    const reserved = await hold(0);
    if (reserved) return reserved;
  }
  throw new Error('no free port is left on 127.0.0.1');
}

function hold(number: number): Promise<ReservedPort | null> {
  return new Promise((resolve, reject) => {
    // A client that waits for the part connects here: an open connection would keep the port from being handed over.
    const server = createServer((socket) => socket.destroy());
    server.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EADDRINUSE' || error.code === 'EACCES') resolve(null);
      else reject(error);
    });
    server.listen({ port: number, host: '127.0.0.1', exclusive: true }, () => {
      const reserved = reservedBy(server);
      if (!reserved) server.close();
      resolve(reserved);
    });
  });
}

/** Null when the port belongs to another stack whose part does not listen at this moment. */
function reservedBy(server: Server): ReservedPort | null {
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('a listening socket has no port');
  const lock = lockOf(address.port);
  if (!lock) return null;
  server.unref();
  const handOver = () => new Promise<void>((resolve) => void server.close(() => resolve()));
  const release = async () => {
    lock.release();
    await handOver();
  };
  return { number: address.port, handOver, release };
}

/** One lock per port and user of the machine; stale once its process has ended. */
function lockOf(port: number): Lock | null {
  const folder = join(tmpdir(), `patchbay-ports-${process.getuid?.() ?? 0}`);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const lock = tryLock(join(folder, String(port)));
  return 'release' in lock ? lock : null;
}

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { required } from '../support/database.ts';
import { eventually } from '../support/eventually.ts';
import { testKey } from '../support/key.ts';
import { processEnv } from '../support/process-env.ts';
import type { TestApi } from './support.ts';

/** How long the start of the process may take, in milliseconds: no test is about it, and a busy machine is slow at it. */
const startsWithinMs = 120_000;

interface ApiProcess {
  url: string;
  stop(): Promise<void>;
  /** With SIGKILL. */
  kill(): Promise<void>;
}

/** In a process of its own, over the same database. */
export async function startApiProcess({ database }: TestApi): Promise<ApiProcess> {
  const child = spawn(process.execPath, [fileURLToPath(new URL('../../api/main.ts', import.meta.url))], {
    env: {
      ...processEnv,
      DATABASE_URL: database.url,
      TEMPORAL_ADDRESS: required('PATCHBAY_TEST_TEMPORAL_ADDRESS'),
      ENCRYPTION_KEY: testKey,
      PORT: '0',
      RATE_LIMIT_PER_MINUTE: '100000',
      SHUTDOWN_GRACE_SECONDS: '1',
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (part: Buffer) => (output += part.toString()));
  const end = async (signal: NodeJS.Signals): Promise<void> => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    child.kill(signal);
    await once(child, 'close');
  };
  const stop = (): Promise<void> => end('SIGTERM');
  const url = await eventually(
    'the API process',
    async () => {
      if (child.exitCode !== null) throw new Error(`it ended: ${output}`);
      return /"url":"([^"]+)","msg":"api ready"/.exec(output)?.[1];
    },
    startsWithinMs,
  ).catch(async (error: unknown) => {
    await stop();
    throw error;
  });
  return { url, stop, kill: () => end('SIGKILL') };
}

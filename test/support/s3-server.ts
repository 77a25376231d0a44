import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { existsSync, writeFileSync } from 'node:fs';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openCache } from '../../dev/parts/home.ts';
import { waitForLock } from '../../dev/parts/lock.ts';
import { reserveFreePort } from '../../dev/parts/ports.ts';
import { eventually } from './eventually.ts';

/** From PyPI: a server that answers as Amazon's S3 does, with its objects in memory. */
const packages = ['moto[s3]==5.2.5', 'flask==3.1.3', 'flask-cors==6.0.5'];
const installMs = 240_000;

/** The server's command, installed once per machine into a Python environment of its own; null where it cannot be had. */
export async function findS3Server(env: NodeJS.ProcessEnv = process.env): Promise<string | null> {
  const folder = join(openCache(env), 'moto-5.2.5');
  const [command, complete] = [join(folder, 'bin', 'moto_server'), join(folder, 'complete')];
  if (existsSync(complete)) return command;
  if (env.PATCHBAY_NO_DOWNLOAD) return null;
  const lock = await waitForLock(`${folder}.lock`, installMs, () => {});
  try {
    if (existsSync(complete)) return command;
    const run = (program: string, ...args: string[]): boolean =>
      spawnSync(program, args, { stdio: 'ignore', timeout: installMs }).status === 0;
    const installed =
      run('python3', '-m', 'venv', '--clear', folder) &&
      run(join(folder, 'bin', 'pip'), 'install', '--quiet', ...packages);
    if (!installed) return null;
    writeFileSync(complete, '');
    return command;
  } finally {
    lock.release();
  }
}

export interface S3Server {
  /** Without a slash at its end. */
  url: string;
  stop(): Promise<void>;
}

/** Starts the server on loopback, with one empty bucket. */
export async function startS3Server(command: string, bucket: string): Promise<S3Server> {
  const port = await reserveFreePort();
  await port.handOver();
  const url = `http://127.0.0.1:${port.number}`;
  const child: ChildProcess = spawn(command, ['-H', '127.0.0.1', '-p', String(port.number)], {
    stdio: 'ignore',
    cwd: tmpdir(),
  });
  const stop = async (): Promise<void> => {
    const ended = once(child, 'close');
    if (child.exitCode === null && child.kill()) await ended;
  };
  try {
    await eventually('the S3 server', () =>
      fetch(`${url}/${bucket}`, { method: 'PUT' }).then(
        ({ ok }) => ok,
        () => false,
      ),
    );
    return { url, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

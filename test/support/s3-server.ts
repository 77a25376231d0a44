import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { reserveFreePort } from '../../dev/parts/ports.ts';
import { eventually } from './eventually.ts';
import { findPythonEnvironment } from './python.ts';

/** From PyPI: a server that answers as Amazon's S3 does, with its objects in memory. */
const packages = ['moto[s3]==5.2.5', 'flask==3.1.3', 'flask-cors==6.0.5'];

/** The server's command; null where it cannot be had. */
export async function findS3Server(env: NodeJS.ProcessEnv = process.env): Promise<string | null> {
  const folder = await findPythonEnvironment('moto-5.2.5', packages, env);
  return folder && join(folder, 'bin', 'moto_server');
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

import { spawn, type ChildProcess } from 'node:child_process';
import { cpSync, existsSync, mkdtempSync, rmSync } from 'node:fs';
import { connect, createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { openCache } from '../../dev/parts/home.ts';
import type { Report } from '../../dev/parts/progress.ts';
import { runCommand } from '../../dev/parts/run-command.ts';
import { until } from '../stack.ts';

const source = fileURLToPath(new URL('programs/', import.meta.url));
const installMs = 600_000;

/** What a baseline needs beside PostgreSQL. */
export interface Tools {
  folder: string;
  /** Why there is none; null where there is one. */
  redis: string | null;
  python: string | null;
}

/** Copies the programs to the cache and installs there what they import. Throws one line where npm cannot. */
export async function installPrograms(report: Report, signal: AbortSignal): Promise<Tools> {
  const folder = join(openCache(process.env), 'bench-webhooks');
  cpSync(source, folder, { recursive: true });
  const run = (command: string, args: string[]): Promise<string | null> => {
    const onTick = (seconds: number): void => report(`${command} ${args[0]}: ${seconds} s`);
    return runCommand({ command, args, cwd: folder, env: process.env, onTick, signal, timeoutMs: installMs });
  };
  const failed = await run('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund']);
  if (failed) throw new Error(`the baselines cannot be installed: ${failed}`);
  const python =
    (existsSync(join(folder, 'venv/bin/pip')) ? null : await run('python3', ['-m', 'venv', 'venv'])) ??
    (await run('venv/bin/pip', ['install', '--quiet', '--requirement', 'requirements.txt']));
  return { folder, redis: await run('redis-server', ['--version']), python };
}

/** A process of a baseline, in a group of its own. */
export interface Program {
  pid(): number | null;
  /** As `kill -9` of the whole group; resolves when it is gone. */
  kill(): Promise<void>;
  start(): Promise<void>;
}

export class Programs {
  readonly #running = new Set<ChildProcess>();
  readonly #env: Record<string, string>;
  readonly #data = mkdtempSync(join(tmpdir(), 'patchbay-bench-redis-'));
  readonly #atExit = (): void => {
    for (const { pid } of this.#running) if (pid !== undefined) killGroup(pid);
  };

  constructor(env: Record<string, string>) {
    this.#env = env;
    process.once('exit', this.#atExit);
  }

  /** `port`: the one that it listens on, once it is ready. `cwd`: by default the folder of the programs' source. */
  async start(
    command: string,
    args: string[],
    port: number | null,
    env: Record<string, string> = {},
    cwd = source,
    isReady = isListening,
  ): Promise<Program> {
    let child: ChildProcess | null = null;
    const start = async (): Promise<void> => {
      const options = { cwd, env: { ...process.env, ...this.#env, ...env }, detached: true } as const;
      const started = spawn(command, args, { ...options, stdio: ['ignore', 'ignore', 'pipe'] });
      let printed = '';
      started.stderr.on('data', (part: Buffer) => (printed = (printed + part.toString()).slice(-2_000)));
      child = started;
      this.#running.add(started);
      started.once('exit', () => this.#running.delete(started));
      await until(`${command} ${args[0] ?? ''}`, async () => {
        if (started.exitCode !== null) throw new Error(`${command} ${args.join(' ')} ended: ${printed}`);
        return port === null || (await isReady(port)) ? true : null;
      });
    };
    await start();
    const kill = async (): Promise<void> => {
      const { pid, exitCode, signalCode } = child ?? {};
      if (pid === undefined || exitCode !== null || signalCode !== null) return;
      const ended = new Promise((resolve) => child?.once('exit', resolve));
      killGroup(pid);
      await ended;
    };
    return { pid: () => child?.pid ?? null, kill, start };
  }

  /** With its log written at each command and flushed to the disk once a second. */
  async redis(port: number): Promise<Program> {
    const log = ['--appendonly', 'yes', '--appendfsync', 'everysec', '--save', ''];
    return this.start(
      'redis-server',
      ['--bind', '127.0.0.1', '--port', String(port), '--dir', this.#data, ...log],
      port,
      {},
      source,
      isAnswering,
    );
  }

  async stop(): Promise<void> {
    process.off('exit', this.#atExit);
    const ended = [...this.#running].map((child) => new Promise((resolve) => child.once('exit', resolve)));
    this.#atExit();
    await Promise.all(ended);
    rmSync(this.#data, { recursive: true, force: true });
  }
}

function killGroup(pid: number): void {
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // It has ended.
  }
}

const isListening = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => resolve(true)).once('error', () => resolve(false));
    socket.once('connect', () => socket.destroy());
  });

/** Whether Redis has read its log. */
const isAnswering = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => socket.write('PING\r\n'));
    socket.once('error', () => resolve(false)).once('close', () => resolve(false));
    socket.once('data', (answer: Buffer) => {
      resolve(answer.toString().startsWith('+PONG'));
      socket.destroy();
    });
  });

export const freePort = (): Promise<number> =>
  new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address() as AddressInfo;
      server.close(() => resolve(port));
    });
  });

import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, renameSync, rmSync, symlinkSync } from 'node:fs';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Connection } from '@temporalio/client';
import { openCache } from '../../dev/parts/home.ts';
import { waitForLock } from '../../dev/parts/lock.ts';
import { sayAloud } from '../../dev/parts/progress.ts';
import { runTool } from '../../dev/parts/tool.ts';
import { required } from '../support/database.ts';
import { eventually } from '../support/eventually.ts';
import type { BarePostgres } from './debian-postgres.ts';
import { project, runRole } from './role-process.ts';

const programs = {
  'temporal-server': 'go.temporal.io/server/cmd/server',
  'temporal-sql-tool': 'go.temporal.io/server/cmd/tools/sql',
};

/** The server's version that `test/deploy/temporal-server/go.mod` pins. */
export function serverVersion(): string {
  const pinned = readFileSync(join(project, 'test/deploy/temporal-server/go.mod'), 'utf8');
  return /^require go\.temporal\.io\/server v(\S+)$/m.exec(pinned)?.[1] ?? '';
}

/** The server and its schema tool, built once for this machine from their Go module; takes some minutes. */
async function build(): Promise<Record<keyof typeof programs, string>> {
  const cache = openCache(process.env);
  const lock = await waitForLock(join(cache, 'temporal-server.lock'), 15 * 60_000, () => undefined);
  try {
    const built = { 'temporal-server': '', 'temporal-sql-tool': '' };
    for (const name of ['temporal-server', 'temporal-sql-tool'] as const) {
      const target = join(cache, `${name}-${serverVersion()}`);
      built[name] = target;
      if (existsSync(target)) continue;
      const next = `${target}.${process.pid}.new`;
      const problem = await runTool({
        command: 'go',
        args: ['build', '-ldflags=-s -w', '-o', next, programs[name]],
        cwd: join(project, 'test/deploy/temporal-server'),
        env: { ...process.env, GOTOOLCHAIN: 'local', GOFLAGS: '', GOWORK: 'off' },
        say: (seconds) => sayAloud(`  ${name}: building for ${seconds} s`),
        signal: new AbortController().signal,
      });
      if (problem !== null) throw new Error(problem);
      renameSync(next, target);
    }
    return built;
  } finally {
    lock.release();
  }
}

/** A port for each thing that the server listens with. It keeps them as 16-bit signed numbers: 32767 is the largest. */
async function takePorts(): Promise<Record<string, string>> {
  const names = ['FRONTEND', 'MATCHING', 'HISTORY', 'WORKER'].flatMap((service) => [
    `${service}_GRPC_PORT`,
    `${service}_MEMBERSHIP_PORT`,
  ]);
  const ports: Record<string, string> = {};
  for (let port = 20_000 + (process.pid % 10_000); names.length > 0 && port < 32_768; port += 1)
    if (await isFree(port)) ports[names.pop() ?? ''] = String(port);
  return { ...ports, FRONTEND_HTTP_PORT: '0' };
}

const isFree = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });

/**
 * Temporal's server on PostgreSQL with the settings of docker-compose.yml and the scripts of deploy/: its databases and
 * login must be there. Answers its address.
 */
export async function startTemporalOnPostgres(
  postgres: BarePostgres,
  password: string,
): Promise<{ address: string; stop(): Promise<void> }> {
  const built = await build();
  const folder = mkdtempSync(join(tmpdir(), 'patchbay-temporal-'));
  for (const [name, file] of Object.entries(built)) symlinkSync(file, join(folder, name));
  symlinkSync(required('PATCHBAY_TEST_TEMPORAL_CLI'), join(folder, 'temporal'));
  const path = { PATH: `${folder}:${process.env.PATH}` };
  await runRole(['sh', 'deploy/temporal-schema.sh'], {
    ...path,
    SQL_PLUGIN: 'postgres12',
    SQL_HOST: '127.0.0.1',
    SQL_PORT: String(postgres.port),
    SQL_USER: 'temporal',
    SQL_PASSWORD: password,
  });
  const ports = await takePorts();
  const server = spawn(join(folder, 'temporal-server'), ['start'], {
    cwd: folder,
    env: {
      ...path,
      ...ports,
      DB: 'postgres12',
      POSTGRES_SEEDS: '127.0.0.1',
      DB_PORT: String(postgres.port),
      POSTGRES_USER: 'temporal',
      POSTGRES_PWD: password,
      NUM_HISTORY_SHARDS: '4',
      BIND_ON_IP: '127.0.0.1',
      DYNAMIC_CONFIG_FILE_PATH: join(project, 'deploy/dynamic-config.yaml'),
      LOG_LEVEL: 'error',
      TEMPORAL_ALLOW_NO_AUTH: 'true',
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let said = '';
  for (const stream of [server.stdout, server.stderr]) stream.on('data', (part: Buffer) => (said += part.toString()));
  const address = `127.0.0.1:${ports.FRONTEND_GRPC_PORT}`;
  const stop = async (): Promise<void> => {
    const ended = once(server, 'close');
    if (server.exitCode === null && server.kill('SIGTERM')) await ended;
    rmSync(folder, { recursive: true, force: true });
  };
  const answers = async (): Promise<boolean> => {
    if (server.exitCode !== null) throw new Error(said);
    const connection = await Connection.connect({ address, connectTimeout: 2_000 });
    try {
      await connection.withDeadline(Date.now() + 2_000, () =>
        connection.workflowService.describeNamespace({ namespace: 'temporal-system' }),
      );
      return true;
    } finally {
      await connection.close();
    }
  };
  try {
    await eventually('the Temporal server', answers);
    await runRole(['sh', 'deploy/temporal-namespace.sh'], { ...path, TEMPORAL_ADDRESS: address });
  } catch (error) {
    await stop();
    throw error;
  }
  return { address, stop };
}

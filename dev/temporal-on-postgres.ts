// Runs the tests of a deployment's roles against Temporal's own server on PostgreSQL, with the settings of
// docker-compose.yml and the scripts of deploy/. `npm test` uses Temporal's dev server.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, renameSync, rmSync, symlinkSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { requireNode } from './parts/node-version.ts';

requireNode();

const { connect } = await import('../temporal/connect.ts');
const { openCache, PROJECT } = await import('./parts/home.ts');
const { waitForLock } = await import('./parts/lock.ts');
const { reportToStdout, step } = await import('./parts/progress.ts');
const { runCommand } = await import('./parts/run-command.ts');
const { findTemporalCli } = await import('./parts/temporal-cli.ts');
const { debianPostgres, provideRoles, rolePasswords, startBarePostgres } =
  await import('../test/deploy/debian-postgres.ts');
const { runRole } = await import('../test/deploy/role-process.ts');
const { eventually } = await import('../test/support/eventually.ts');

type Programs = { server: string; sqlTool: string };

const stopping = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => stopping.abort());

/** Built from our Go module, once for this machine. */
async function buildServer(): Promise<Programs> {
  const goModule = join(PROJECT, 'dev/temporal-server');
  const pinned = readFileSync(join(goModule, 'go.mod'), 'utf8');
  const version = /^require go\.temporal\.io\/server v(\S+)$/m.exec(pinned)?.[1];
  const cache = openCache(process.env);
  const build = async (name: string, goPackage: string): Promise<string> => {
    const target = join(cache, `${name}-${version}`);
    if (existsSync(target)) return target;
    const next = `${target}.${process.pid}.new`;
    const problem = await runCommand({
      command: 'go',
      args: ['build', '-ldflags=-s -w', '-o', next, goPackage],
      cwd: goModule,
      env: { ...process.env, GOTOOLCHAIN: 'local', GOFLAGS: '', GOWORK: 'off' },
      onTick: (seconds) => reportToStdout(`  ${name}: still building after ${seconds} s`),
      signal: stopping.signal,
    });
    if (problem !== null) throw new Error(problem);
    renameSync(next, target);
    return target;
  };
  const lock = await waitForLock(join(cache, 'temporal-server.lock'), 15 * 60_000, () => undefined);
  try {
    return {
      server: await build('temporal-server', 'go.temporal.io/server/cmd/server'),
      sqlTool: await build('temporal-sql-tool', 'go.temporal.io/server/cmd/tools/sql'),
    };
  } finally {
    lock.release();
  }
}

/** The server keeps ports as 16-bit signed numbers: at most 32767. */
async function freeServerPorts(): Promise<Record<string, string>> {
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

async function isServing(address: string): Promise<boolean> {
  const connection = await connect({ address, connectTimeout: 2_000 });
  try {
    await connection.withDeadline(Date.now() + 2_000, () =>
      connection.workflowService.describeNamespace({ namespace: 'temporal-system' }),
    );
    return true;
  } finally {
    await connection.close();
  }
}

/** With its schema and namespace, all in `folder`. */
async function startServer(folder: string, postgresPort: number): Promise<{ address: string; stop(): Promise<void> }> {
  const { server: program, sqlTool } = await step(reportToStdout, 'Temporal server', buildServer);
  symlinkSync(sqlTool, join(folder, 'temporal-sql-tool'));
  symlinkSync(await findTemporalCli(process.env, reportToStdout, stopping.signal), join(folder, 'temporal'));
  const path = { PATH: `${folder}:${process.env.PATH}` };
  const { TEMPORAL_PASSWORD: password } = rolePasswords;
  await runRole(['sh', 'deploy/temporal-schema.sh'], {
    ...path,
    SQL_PLUGIN: 'postgres12',
    SQL_HOST: '127.0.0.1',
    SQL_PORT: String(postgresPort),
    SQL_USER: 'temporal',
    SQL_PASSWORD: password,
  });
  const ports = await freeServerPorts();
  const server = spawn(program, ['start'], {
    cwd: folder,
    env: {
      ...path,
      ...ports,
      DB: 'postgres12',
      POSTGRES_SEEDS: '127.0.0.1',
      DB_PORT: String(postgresPort),
      POSTGRES_USER: 'temporal',
      POSTGRES_PWD: password,
      NUM_HISTORY_SHARDS: '4',
      BIND_ON_IP: '127.0.0.1',
      DYNAMIC_CONFIG_FILE_PATH: join(PROJECT, 'deploy/dynamic-config.yaml'),
      LOG_LEVEL: 'error',
      TEMPORAL_ALLOW_NO_AUTH: 'true',
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let printed = '';
  for (const stream of [server.stdout, server.stderr])
    stream.on('data', (part: Buffer) => (printed = (printed + part.toString()).slice(-4_000)));
  const address = `127.0.0.1:${ports.FRONTEND_GRPC_PORT}`;
  const stop = async (): Promise<void> => {
    const ended = once(server, 'close');
    if (server.exitCode === null && server.kill('SIGTERM')) await ended;
  };
  try {
    await eventually('the Temporal server', () => {
      if (server.exitCode !== null) throw new Error(printed);
      return isServing(address);
    });
    await runRole(['sh', 'deploy/temporal-namespace.sh'], { ...path, TEMPORAL_ADDRESS: address });
  } catch (error) {
    await stop();
    throw error;
  }
  return { address, stop };
}

/** Returns jest's exit code. */
async function runTests(temporalAddress: string): Promise<number> {
  const env = { ...process.env, PATCHBAY_TEST_NO_PARTS: '1', PATCHBAY_TEST_TEMPORAL_ADDRESS: temporalAddress };
  const tests = spawn(process.execPath, [join(PROJECT, 'dev/test.ts'), 'test/deploy/roles'], { env, stdio: 'inherit' });
  stopping.signal.addEventListener('abort', () => tests.kill('SIGTERM'));
  const [code] = (await once(tests, 'exit')) as [number | null];
  return code ?? 1;
}

const found = debianPostgres();
if (!found) {
  process.stderr.write("patchbay: this run needs Debian's PostgreSQL, 15 or newer: apt-get install postgresql\n");
  process.exit(1);
}
const folder = mkdtempSync(join(tmpdir(), 'patchbay-temporal-'));
const postgres = await startBarePostgres(found.bin);
try {
  await provideRoles(postgres, found.bin);
  const temporal = await startServer(folder, postgres.port);
  try {
    process.exitCode = await runTests(temporal.address);
  } finally {
    await temporal.stop();
  }
} catch (error) {
  process.stderr.write(`patchbay: ${(error as Error).message}\n`);
  process.exitCode = 1;
} finally {
  await postgres.stop();
  rmSync(folder, { recursive: true, force: true });
}

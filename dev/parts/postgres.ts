import { createHash } from 'node:crypto';
import { spawn, spawnSync } from 'node:child_process';
import { chownSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { type Home, keep, randomPassword } from './home.ts';
import { canEnter, findPostgres, postgresUser, sharedFolder, type User } from './postgres-install.ts';
import { identify, isRunning } from './process-identity.ts';
import type { Report } from './progress.ts';
import type { PartSpec } from './supervisor.ts';

export type LocalPostgres = { spec: PartSpec; adminUrl: string };

const SETTINGS = {
  listen_addresses: '127.0.0.1',
  unix_socket_directories: '',
  max_connections: '200',
  password_encryption: 'scram-sha-256',
  log_line_prefix: '%m [%p] %q%u@%d ',
  // A failing statement and its row hold people's names and numbers: keep both out of the log.
  log_min_error_statement: 'panic',
  log_error_verbosity: 'terse',
};

/** For data of one run: a crash of the machine may lose it, a commit need not wait for the disk. */
export const withoutSync = { fsync: 'off', synchronous_commit: 'off', full_page_writes: 'off' };

/**
 * Runs initdb the first time. The data is in the home, or under /var/tmp when PostgreSQL's user may not enter the home.
 */
export async function preparePostgres(
  home: Home,
  port: number,
  report: Report,
  settings: Record<string, string> = {},
): Promise<LocalPostgres> {
  const user = postgresUser();
  const binaries = findPostgres(user, report);
  const data = dataFolder(home, user, report);
  const password = keep(join(home.path, 'postgres-superuser'), randomPassword);
  await initialise(binaries.initdb, data, user, password);
  const have = readFileSync(join(data, 'PG_VERSION'), 'utf8').trim();
  if (have !== binaries.major) {
    throw new Error(
      `${data} was written by PostgreSQL ${have}, this is ${binaries.major}: dump it with the old one, or set another PATCHBAY_HOME`,
    );
  }
  const adminUrl = postgresUrl('postgres', password, port, 'postgres');
  const flags = Object.entries({ ...SETTINGS, ...settings }).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
  return {
    adminUrl,
    spec: {
      name: 'postgres',
      // SIGINT is PostgreSQL's fast shutdown: it ends sessions and flushes everything.
      program: {
        binary: binaries.postgres,
        args: ['-D', data, '-p', String(port), ...flags],
        user,
        stopSignal: 'SIGINT',
      },
      env: process.env,
      isReady: () => answers(adminUrl),
      readyWithinMs: 60_000,
      graceMs: 3_000,
      prepare: () => endFormerServer(data),
    },
  };
}

function postgresUrl(user: string, password: string, port: number, database: string): string {
  return `postgresql://${user}:${password}@127.0.0.1:${port}/${database}`;
}

function dataFolder(home: Home, user: User | null, report: Report): string {
  if (!user || canEnter(user, home.path)) return join(home.path, 'postgres');
  const key = createHash('sha256').update(home.path).digest('hex').slice(0, 16);
  const outside = join(sharedFolder(`data-${key}`), 'postgres');
  report(`  PostgreSQL's data is in ${outside}: the user it runs as may not enter ${home.path}`);
  return outside;
}

/** Runs initdb beside the final path, then renames: a data folder that exists is complete. */
async function initialise(initdb: string, data: string, user: User | null, password: string): Promise<void> {
  if (existsSync(data)) return;
  const next = `${data}.new`;
  const passwordFile = `${data}.password`;
  rmSync(next, { recursive: true, force: true });
  mkdirSync(next, { mode: 0o700 });
  writeFileSync(passwordFile, password, { mode: 0o600 });
  if (user) for (const path of [next, passwordFile]) chownSync(path, user.uid, user.gid);
  try {
    await runInitdb(initdb, [`--pgdata=${next}`, `--pwfile=${passwordFile}`], user);
    renameSync(next, data);
  } finally {
    rmSync(passwordFile, { force: true });
  }
}

function runInitdb(initdb: string, where: string[], user: User | null): Promise<void> {
  const args = [
    ...where,
    '--username=postgres',
    '--auth=scram-sha-256',
    '--encoding=UTF8',
    // The same sort order and letter case on every machine, whatever its locales.
    '--locale=C',
    '--locale-provider=builtin',
    '--builtin-locale=C.UTF-8',
  ];
  return new Promise((resolve, reject) => {
    const child = spawn(initdb, args, { ...user, cwd: '/', stdio: ['ignore', 'ignore', 'pipe'] });
    let printed = '';
    child.stderr.on('data', (chunk: Buffer) => (printed += chunk.toString()));
    child.once('error', reject);
    child.once('close', (code) => {
      if (code === 0) resolve();
      else reject(new Error(`PostgreSQL's data folder cannot be made: ${printed.trim().split('\n').join('; ')}`));
    });
  });
}

/** After a SIGKILL the former server may still use the data, or its lock file may name a reused pid. */
async function endFormerServer(data: string): Promise<void> {
  const lock = join(data, 'postmaster.pid');
  if (!existsSync(lock)) return;
  const former = identify(Number(readFileSync(lock, 'utf8').split('\n')[0]));
  if (former && commandOf(former.pid).includes(data)) {
    const until = Date.now() + 5_000;
    process.kill(former.pid, 'SIGINT');
    while (isRunning(former)) {
      if (Date.now() > until) process.kill(former.pid, 'SIGKILL');
      await sleep(50);
    }
  }
  rmSync(lock, { force: true });
}

function commandOf(pid: number): string {
  return spawnSync('ps', ['-o', 'args=', '-p', String(pid)], { encoding: 'utf8' }).stdout ?? '';
}

async function answers(url: string): Promise<boolean> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 2_000 });
  client.on('error', () => {});
  try {
    await client.connect();
    await client.query('select 1');
    return true;
  } finally {
    await client.end().catch(() => {});
  }
}

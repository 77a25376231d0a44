import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { chownSync, existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { once } from 'node:events';
import { join } from 'node:path';
import pg from 'pg';
import { reserveFreePort } from '../../dev/parts/ports.ts';
import { postgresUser } from '../../dev/parts/postgres-install.ts';
import { eventually } from '../support/eventually.ts';
import { runRole } from './role-process.ts';

const installed = '/usr/lib/postgresql';

/** The newest PostgreSQL installed by Debian's packages, 15 or newer; null where there is none. */
export function debianPostgres(): { major: number; bin: string } | null {
  const majors = existsSync(installed) ? readdirSync(installed).map(Number) : [];
  const major = Math.max(0, ...majors.filter((one) => existsSync(join(installed, String(one), 'bin/initdb'))));
  return major >= 15 ? { major, bin: join(installed, String(major), 'bin') } : null;
}

const password = 'superuser';

/** A new folder that PostgreSQL's user owns. */
export function folderOfPostgres(): string {
  const user = postgresUser();
  const folder = mkdtempSync('/var/tmp/patchbay-deploy-');
  if (user) chownSync(folder, user.uid, user.gid);
  return folder;
}

/** Runs a program as PostgreSQL's user. */
export const asPostgres = (program: string, args: readonly string[], env: Record<string, string> = {}): void =>
  void execFileSync(program, args, {
    ...postgresUser(),
    cwd: '/',
    env: { ...process.env, ...env },
    stdio: ['ignore', 'ignore', 'pipe'],
  });

function initialize(bin: string, data: string): void {
  const passwordFile = `${data}-password`;
  writeFileSync(passwordFile, password, { mode: 0o644 });
  const options = ['-U', 'postgres', '--auth=scram-sha-256', '--encoding=UTF8', '--locale=C'];
  asPostgres(join(bin, 'initdb'), ['-D', data, ...options, `--pwfile=${passwordFile}`]);
}

/** A new PostgreSQL server; its superuser is the only login. */
export interface BarePostgres {
  port: number;
  password: string;
  log(): string;
  url(user: string, password: string, database: string): string;
  stop(): Promise<void>;
}

/** `fill` makes the data folder; by default a new database cluster. */
export async function startBarePostgres(
  bin: string,
  settings: readonly string[] = [],
  fill: (data: string) => void = (data) => initialize(bin, data),
): Promise<BarePostgres> {
  const user = postgresUser() ?? undefined;
  const folder = folderOfPostgres();
  const data = join(folder, 'data');
  const options = { ...user, cwd: '/' };
  fill(data);
  const reserved = await reserveFreePort();
  await reserved.handOver();
  const port = reserved.number;
  const flags = ['listen_addresses=127.0.0.1', 'unix_socket_directories=', ...settings].flatMap((one) => ['-c', one]);
  const server: ChildProcess = spawn(join(bin, 'postgres'), ['-D', data, '-p', String(port), ...flags], {
    ...options,
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let log = '';
  server.stderr?.on('data', (part: Buffer) => (log += part.toString()));
  const url = (name: string, secret: string, database: string): string =>
    `postgresql://${name}:${secret}@127.0.0.1:${port}/${database}`;
  const stop = async (): Promise<void> => {
    const ended = once(server, 'close');
    // SIGINT is PostgreSQL's fast shutdown.
    if (server.exitCode === null && server.kill('SIGINT')) await ended;
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    await eventually('PostgreSQL', async () => {
      if (server.exitCode !== null) throw new Error(log);
      await queryAs(url('postgres', password, 'postgres'), 'select 1');
      return true;
    });
  } catch (error) {
    await stop();
    throw error;
  }
  return { port, password, log: () => log, url, stop };
}

/** The variables of deploy/roles.sql. */
export const rolePasswords = {
  PATCHBAY_OWNER_PASSWORD: 'owner1',
  PATCHBAY_RUNTIME_PASSWORD: 'runtime1',
  PATCHBAY_READER_PASSWORD: 'reader1',
  TEMPORAL_PASSWORD: 'temporal1',
};

/** Runs deploy/roles.sql; returns psql's output. */
export const provideRoles = ({ port, password }: BarePostgres, bin: string): Promise<string> =>
  runRole([join(bin, 'psql'), '-q', '--no-psqlrc', '-v', 'ON_ERROR_STOP=1', '-f', 'deploy/roles.sql'], {
    PGHOST: '127.0.0.1',
    PGPORT: String(port),
    PGUSER: 'postgres',
    PGPASSWORD: password,
    ...rolePasswords,
  });

/** Over a connection of its own. */
export async function queryAs(url: string, sql: string): Promise<Record<string, unknown>[]> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 5_000 });
  client.on('error', () => undefined);
  try {
    await client.connect();
    return (await client.query<Record<string, unknown>>(sql)).rows;
  } finally {
    await client.end().catch(() => undefined);
  }
}

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import pg from 'pg';
import { type Home, keep, randomPassword } from './home.ts';

/** The local stack's logins beside the superuser; the home keeps a password for each. */
const LOGINS = {
  /** Owns the database and runs migrations, which create the group roles. */
  patchbay: 'CREATEROLE',
  /** Of the API and workers: each transaction takes the application's or the system's role. */
  patchbay_runtime: 'NOINHERIT',
  /** Of operators: reads every tenant, writes nothing. */
  patchbay_reader: '',
} as const;

const GROUPS = {
  patchbay_runtime: ['patchbay_app', 'patchbay_system'],
  patchbay_reader: ['patchbay_operator'],
} as const;

/** As the superuser: makes the owner's login and its database when missing. Returns the owner's address. */
export async function provideOwner(adminUrl: string, home: Home, extra: 'CREATEDB' | '' = ''): Promise<string> {
  return asAdmin(adminUrl, async (client) => {
    const password = await provideLogin(client, home, 'patchbay', extra);
    const found = await client.query("select from pg_database where datname = 'patchbay'");
    if (found.rowCount === 0) await client.query('create database patchbay owner patchbay');
    return addressFor(adminUrl, 'patchbay', password);
  });
}

/**
 * For the superuser, in Patchbay's database: no login makes temporary tables or large objects there. Operators' logins
 * only read.
 */
export const restrictions = (database: string): string =>
  `revoke temporary on database ${pg.escapeIdentifier(database)} from public;
   revoke execute on function lo_creat(integer), lo_create(oid), lo_from_bytea(oid, bytea) from public;`;

/** Makes the logins of the group roles, which migrations must have created. Returns their addresses. */
export async function provideLogins(adminUrl: string, home: Home): Promise<{ runtime: string; reader: string }> {
  const inside = new URL(adminUrl);
  inside.pathname = '/patchbay';
  await asAdmin(inside.href, (client) => client.query(restrictions('patchbay')));
  return asAdmin(adminUrl, async (client) => {
    const address = async (login: keyof typeof GROUPS) => {
      const password = await provideLogin(client, home, login);
      await client.query(`grant ${GROUPS[login].join(', ')} to ${login}`);
      return addressFor(adminUrl, login, password);
    };
    return { runtime: await address('patchbay_runtime'), reader: await address('patchbay_reader') };
  });
}

/** The address of a local stack's database for its owner or its superuser; `described` has the address of another login. */
export function databaseUrlOf(home: string, described: string, login: 'owner' | 'superuser'): string {
  const [user, file] = login === 'owner' ? ['patchbay', 'postgres-patchbay'] : ['postgres', 'postgres-superuser'];
  const url = new URL(described);
  url.username = user;
  url.password = readFileSync(join(home, file), 'utf8').trim();
  return url.href;
}

async function provideLogin(client: pg.Client, home: Home, login: keyof typeof LOGINS, extra = ''): Promise<string> {
  const password = keep(join(home.path, `postgres-${login}`), randomPassword);
  const found = await client.query('select from pg_roles where rolname = $1', [login]);
  const verb = found.rowCount === 0 ? 'create' : 'alter';
  await client.query(
    `${verb} role ${login} login ${LOGINS[login]} ${extra} password ${client.escapeLiteral(password)}`,
  );
  return password;
}

async function asAdmin<T>(adminUrl: string, work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString: adminUrl });
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}

function addressFor(adminUrl: string, login: string, password: string): string {
  const url = new URL(adminUrl);
  url.username = login;
  url.password = password;
  url.pathname = '/patchbay';
  return url.href;
}

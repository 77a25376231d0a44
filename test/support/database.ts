import { randomBytes } from 'node:crypto';
import pg from 'pg';
import { restrictions } from '../../dev/parts/postgres-roles.ts';
import { migrate } from '../../db/migrate.ts';

/** A migrated database for one test file, with the logins of a deployment. */
export interface TestDatabase {
  /** The runtime login: may set the application's and the system's role, has no rights of its own. */
  url: string;
  /** The schema's owner. */
  ownerUrl: string;
  /** Member of the operators' role. */
  readerUrl: string;
  drop(): Promise<void>;
}

const template = 'patchbay_test_template';

/** Copies the migrated template, which the first test file makes. */
export async function createTestDatabase(): Promise<TestDatabase> {
  const admin = required('PATCHBAY_TEST_PG_ADMIN_URL');
  const owner = required('PATCHBAY_TEST_PG_OWNER_URL');
  await withClient(admin, async (client) => {
    await client.query('select pg_advisory_lock(727272)');
    const { rowCount } = await client.query('select from pg_database where datname = $1', [template]);
    if (!rowCount) {
      await client.query(`create database ${template} owner ${new URL(owner).username}`);
      await migrate(inDatabase(owner, template));
      for (const [login, groups] of [
        ['patchbay_runtime', 'patchbay_app, patchbay_system'],
        ['patchbay_reader', 'patchbay_operator'],
      ] as const) {
        const { rowCount: exists } = await client.query('select from pg_roles where rolname = $1', [login]);
        if (!exists) await client.query(`create role ${login} login`);
        await client.query(
          `alter role ${login} password 'test' ${login === 'patchbay_runtime' ? 'noinherit' : 'inherit'}`,
        );
        await client.query(`grant ${groups} to ${login}`);
      }
    }
    await client.query('select pg_advisory_unlock(727272)');
  });
  return create(template);
}

/** A database without tables. */
export async function createEmptyDatabase(): Promise<TestDatabase> {
  // The logins come with the template.
  const other = await createTestDatabase();
  await other.drop();
  return create('template1');
}

async function create(from: string): Promise<TestDatabase> {
  const admin = required('PATCHBAY_TEST_PG_ADMIN_URL');
  const owner = required('PATCHBAY_TEST_PG_OWNER_URL');
  const name = `t_${randomBytes(6).toString('hex')}`;
  await withClient(admin, async (client) => {
    await client.query(`create database ${name} template ${from} owner ${new URL(owner).username}`);
  });
  // A copy of a database has not its rights.
  await withClient(inDatabase(admin, name), async (client) => {
    await client.query(restrictions(name));
  });
  const login = (user: string): string => {
    const url = new URL(inDatabase(owner, name));
    url.username = user;
    url.password = 'test';
    return url.href;
  };
  return {
    url: login('patchbay_runtime'),
    readerUrl: login('patchbay_reader'),
    ownerUrl: inDatabase(owner, name),
    drop: () =>
      withClient(admin, async (client) => {
        await client.query(`drop database if exists ${name} with (force)`);
      }),
  };
}

export function required(name: string): string {
  const value = process.env[name];
  if (!value) throw new Error(`${name} is not set: run the tests with npm test.`);
  return value;
}

function inDatabase(url: string, database: string): string {
  const changed = new URL(url);
  changed.pathname = `/${database}`;
  return changed.href;
}

async function withClient<T>(url: string, work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}

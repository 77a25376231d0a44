import { randomBytes } from 'node:crypto';
import pg from 'pg';
import { migrate } from '../../db/migrate.ts';
import { eventually } from '../support/eventually.ts';
import { createTestDatabase, required, type TestDatabase } from '../support/database.ts';

/** An empty database of the schema's owner. */
let empty: { name: string; url: string };
let admin: pg.Client;
beforeEach(async () => {
  const owner = new URL(required('PATCHBAY_TEST_PG_OWNER_URL'));
  const name = `t_${randomBytes(6).toString('hex')}`;
  admin = new pg.Client({ connectionString: required('PATCHBAY_TEST_PG_ADMIN_URL') });
  await admin.connect();
  await admin.query(`create database ${name} owner ${owner.username}`);
  owner.pathname = `/${name}`;
  empty = { name, url: owner.href };
});
afterEach(async () => {
  await admin.query(`drop database if exists ${empty.name} with (force)`);
  await admin.end();
});

/** Columns, constraints, indexes, policies and rights. */
async function schemaOf(url: string): Promise<unknown> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    const ask = async (sql: string) => (await client.query(sql)).rows as unknown[];
    return {
      columns: await ask(
        `select table_name, column_name, data_type, is_nullable from information_schema.columns
         where table_schema = 'public' order by 1, 2`,
      ),
      constraints: await ask(
        `select conrelid::regclass::text, conname, pg_get_constraintdef(oid) from pg_constraint
         where connamespace = 'public'::regnamespace order by 1, 2`,
      ),
      indexes: await ask("select indexname, indexdef from pg_indexes where schemaname = 'public' order by 1"),
      policies: await ask('select tablename, policyname, roles, cmd, qual, with_check from pg_policies order by 1, 2'),
      rights: await ask(
        `select table_name, grantee, privilege_type from information_schema.role_table_grants
         where table_schema = 'public' order by 1, 2, 3`,
      ),
      applied: await ask('select name from schema_migrations order by name'),
    };
  } finally {
    await client.end();
  }
}

it('migrates an empty database and names the applied migrations', async () => {
  expect(await migrate(empty.url)).toContain('0001-foundation');
});

it('applies nothing the second time, and changes nothing', async () => {
  await migrate(empty.url);
  const before = await schemaOf(empty.url);
  expect(await migrate(empty.url)).toEqual([]);
  expect(await schemaOf(empty.url)).toEqual(before);
});

it('applies each migration once when several start at the same moment', async () => {
  const done = await Promise.all([migrate(empty.url), migrate(empty.url), migrate(empty.url)]);
  const applied = done.filter((names) => names.length > 0);
  expect(applied).toHaveLength(1);
  expect(await schemaOf(empty.url)).toMatchObject({ applied: applied[0]?.toSorted().map((name) => ({ name })) });
});

describe('beside another database of the same server', () => {
  let other: TestDatabase;
  beforeAll(async () => void (other = await createTestDatabase()));
  afterAll(() => other?.drop());

  it('creates the same schema, rights and policies when the roles exist', async () => {
    await migrate(empty.url);
    expect(await schemaOf(empty.url)).toEqual(await schemaOf(other.ownerUrl));
  });
});

describe('on a database in use', () => {
  let sessions: pg.Client[];
  const session = async (): Promise<pg.Client> => {
    const client = new pg.Client({ connectionString: empty.url, statement_timeout: 10_000 });
    await client.connect();
    sessions.push(client);
    return client;
  };
  const waitsForAccounts = (client: pg.Client): Promise<unknown> =>
    eventually('the migration waits for accounts', async () => {
      const { rowCount } = await client.query(
        "select from pg_locks where relation = 'accounts'::regclass and mode = 'AccessExclusiveLock' and not granted",
      );
      return rowCount;
    });
  beforeEach(() => void (sessions = []));
  afterEach(() => Promise.all(sessions.map((client) => client.end())));

  it('keeps others waiting only shortly for a table that it waits for, and goes on once it gets it', async () => {
    await migrate(empty.url, '0014-contacts-by-account');
    const [holder, reader] = [await session(), await session()];
    await holder.query('begin');
    await holder.query('select from accounts');
    const migrated = migrate(empty.url);
    await waitsForAccounts(reader);
    await reader.query('select from accounts');
    await holder.query('commit');
    expect(await migrated).toEqual(expect.arrayContaining(['0015-checks', '0022-webhook-requests']));
  });

  it('holds nothing of a table that it waits for: a transaction that goes on to write it may', async () => {
    await migrate(empty.url, '0021-known-logins');
    const [writer, reader] = [await session(), await session()];
    await writer.query("begin; set local lock_timeout = '300ms'");
    await writer.query('select from accounts for no key update');
    const migrated = migrate(empty.url);
    await waitsForAccounts(reader);
    await writer.query('update accounts set label = null');
    await writer.query('commit');
    expect(await migrated).toContain('0022-webhook-requests');
  });

  it('counts the accounts that were there before accounts were counted', async () => {
    await migrate(empty.url, '0121-bulk-operations');
    const system = await session();
    await system.query('set role patchbay_system');
    const tenant = '01900000-0000-7000-8000-000000000001';
    await system.query("insert into tenants (id, name, created_at) values ($1, 'before', now())", [tenant]);
    await system.query(
      `insert into accounts (id, tenant_id, provider, channel, owner, metadata, state, who, since, method, created_at, updated_at)
       select gen_random_uuid(), $1, 'unipile', 'whatsapp', 'maya', '{}', case when n < 3 then 'active' else 'failed' end,
         'nobody', now(), 'qr', now(), now() from generate_series(1, 5) n`,
      [tenant],
    );
    await migrate(empty.url);
    await system.query("update accounts set state = 'disconnected' where state = 'active'");
    const { rows } = await system.query(
      'select state, sum(accounts)::int as n from account_counts group by state having sum(accounts) <> 0 order by state',
    );
    expect(rows).toEqual([
      { state: 'disconnected', n: 2 },
      { state: 'failed', n: 3 },
    ]);
  });

  it('makes an index anew that a killed run left unfinished', async () => {
    await migrate(empty.url, '0019-key-indexes');
    const owner = await session();
    // Its definition shows that it was replaced.
    await owner.query('create index accounts_provider_account on accounts (owner)');
    await migrate(empty.url);
    const { rows } = await owner.query("select indexdef from pg_indexes where indexname = 'accounts_provider_account'");
    expect(rows[0].indexdef).toContain('(provider_account_id)');
  });
});

it('leaves no lock behind', async () => {
  await migrate(empty.url);
  // A session's locks are released when the server notices its end.
  await eventually('no lock', async () => {
    const { rows } = await admin.query(
      `select from pg_locks l join pg_database d on d.oid = l.database where l.locktype = 'advisory' and d.datname = $1`,
      [empty.name],
    );
    return rows.length === 0;
  });
});

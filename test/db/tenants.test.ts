import pg from 'pg';
import { openDatabase, type Database } from '../../db/connect.ts';
import { runSql } from '../support/run-sql.ts';
import { lockContacts } from '../../db/queries/contacts/lock-contacts.ts';
import { newId } from '../../platform/ids.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { keyColumn, insertRow, seedTenant, tablesOf, tenantColumn, type Table } from './seed.ts';

let test: TestDatabase;
let db: Database;
let tables: Table[];
/** By table. */
let one: Record<string, string>;
let two: Record<string, string>;
const tenantOf = (ids: Record<string, string>): string => ids.tenants ?? '';

beforeAll(async () => {
  test = await createTestDatabase();
  db = await openDatabase(test.url, { pool: { app: 2, system: 2 } });
  tables = await db.system(tablesOf);
  [one, two] = await db.system(async (em) => [await seedTenant(em, tables), await seedTenant(em, tables)]);
});
afterAll(async () => {
  await db?.close();
  await test?.drop();
});

/** PostgreSQL's code for a missing right and for a row that a policy refuses. */
const refused = { code: '42501' };

async function ofEachTable<T>(ask: (table: Table) => Promise<T>): Promise<Record<string, T>> {
  const answers: Record<string, T> = {};
  for (const table of tables) answers[table.name] = await ask(table);
  return answers;
}
const eachTable = <T>(answer: (table: Table) => T): Record<string, T> =>
  Object.fromEntries(tables.map((table) => [table.name, answer(table)]));

/** No role is set without `options`. */
async function connected<T>(url: string, work: (client: pg.Client) => Promise<T>, options?: string): Promise<T> {
  const client = new pg.Client({ connectionString: url, options });
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}
const codeOf = (statement: Promise<unknown>): Promise<string> =>
  statement.then(
    () => 'done',
    (error: pg.DatabaseError) => error.code ?? String(error),
  );
const count = async (client: pg.Client, table: string): Promise<number> =>
  Number((await client.query(`select count(*) from ${table}`)).rows[0].count);

it('forces row-level security on every table, whatever its owner', async () => {
  const found = await db.system((em) =>
    runSql<{ relname: string }>(
      em,
      `select relname from pg_class where relkind in ('r', 'p') and relnamespace = 'public'::regnamespace
         and relrowsecurity and relforcerowsecurity`,
    ),
  );
  expect(found.map((row) => row.relname).sort()).toEqual(tables.map((table) => table.name).sort());
  expect(tables.length).toBeGreaterThanOrEqual(10);
});

it('lets no view and no function bypass it', async () => {
  const past = await db.system((em) =>
    runSql<{ relname: string }>(
      em,
      `select relname from pg_class where relkind in ('v', 'm') and relnamespace = 'public'::regnamespace
         and (relkind = 'm' or not coalesce(reloptions @> '{security_invoker=true}', false))
       union all
       select proname from pg_proc where pronamespace = 'public'::regnamespace and prosecdef`,
    ),
  );
  // They make and drop partitions of days, which only the owner may, and return counts.
  expect(past.map(({ relname }) => relname).toSorted()).toEqual(['drop_partitions', 'ensure_partitions']);
});

it("lets only the system make and drop partitions, and no role read a partition past its table's policies", async () => {
  const partitions = await db.system((em) =>
    runSql<{ name: string }>(em, "select relname as name from pg_class where relispartition and relkind = 'r'"),
  );
  expect(partitions.length).toBeGreaterThan(3);
  const calls = [
    "select ensure_partitions(array['events'], now(), 0)",
    "select drop_partitions('webhook_events', now() - interval '60 days')",
  ];
  for (const role of ['patchbay_app', 'patchbay_system'])
    await connected(
      test.url,
      async (client) => {
        for (const { name } of partitions)
          expect([name, await codeOf(client.query(`select from ${name}`))]).toEqual([name, refused.code]);
        for (const call of calls)
          expect(await codeOf(client.query(call))).toBe(role === 'patchbay_app' ? refused.code : 'done');
      },
      `-c role=${role}`,
    );
});

describe('the role of the application', () => {
  it('sees no row of any table without a tenant', () =>
    connected(
      test.url,
      async (client) => {
        expect(await ofEachTable((table) => count(client, table.name))).toEqual(eachTable(() => 0));
        await client.query("select set_config('patchbay.tenant', '', false)");
        expect(await ofEachTable((table) => count(client, table.name))).toEqual(eachTable(() => 0));
      },
      '-c role=patchbay_app',
    ));

  it('sees in every table the rows of its tenant and no others', async () => {
    const seen = await db.tenant(tenantOf(one), (em) =>
      ofEachTable((table) => runSql<{ id: string }>(em, `select ${keyColumn(table)} as id from ${table.name}`)),
    );
    expect(seen).toEqual(eachTable((table) => [{ id: one[table.name] }]));
  });

  it('forgets its tenant with the transaction, so that the next use of the connection has none', () =>
    connected(
      test.url,
      async (client) => {
        await client.query('begin');
        await client.query("select set_config('patchbay.tenant', $1, true)", [tenantOf(one)]);
        expect(await count(client, 'accounts')).toBe(1);
        await client.query('commit');
        expect(await count(client, 'accounts')).toBe(0);
      },
      '-c role=patchbay_app',
    ));

  it('cannot insert a row of another tenant, or of none, into any table', async () => {
    const insertFor = (tenantId: string | null) =>
      ofEachTable((table) =>
        codeOf(
          db.tenant(tenantOf(one), (em) => {
            const links = Object.fromEntries(
              table.columns.filter((c) => c.references).map((c) => [c.name, two[c.references ?? '']]),
            );
            return insertRow(em, table, { ...links, [tenantColumn(table.name)]: tenantId ?? newId() });
          }),
        ),
      );
    expect(await insertFor(tenantOf(two))).toEqual(eachTable(() => refused.code));
    expect(await insertFor(null)).toEqual(eachTable(() => refused.code));
  });

  it('cannot move its own row to another tenant', async () => {
    const codes = await ofEachTable(({ name }) =>
      codeOf(
        db.tenant(tenantOf(one), (em) =>
          runSql(em, `update ${name} set ${tenantColumn(name)} = ?`, [name === 'tenants' ? newId() : tenantOf(two)]),
        ),
      ),
    );
    expect(codes).toEqual(eachTable(() => refused.code));
  });

  it('changes and deletes nothing of another tenant', async () => {
    const touched = await db.tenant(tenantOf(one), (em) =>
      ofEachTable(async (table) => {
        const { name } = table;
        const key = keyColumn(table);
        // Entries of the audit log are only added: test/audit/table.test.ts.
        if (name === 'audit_entries') return [];
        return [
          ...(await runSql(em, `update ${name} set ${key} = ${key} where ${key} = ? returning ${key}`, [two[name]])),
          ...(await runSql(em, `delete from ${name} where ${key} = ? returning ${key}`, [two[name]])),
        ];
      }),
    );
    expect(touched).toEqual(eachTable(() => []));
  });

  it('cannot empty a table, change it or turn its policies off', () =>
    connected(
      test.url,
      async (client) => {
        for (const { name } of tables)
          for (const statement of [
            `truncate ${name} cascade`,
            `alter table ${name} disable row level security`,
            `drop policy tenant on ${name}`,
            `drop table ${name} cascade`,
          ])
            expect([statement, await codeOf(client.query(statement))]).toEqual([statement, refused.code]);
      },
      '-c role=patchbay_app',
    ));
});

describe("the installation's own credentials", () => {
  let shared: string;
  beforeAll(async () => {
    const table = tables.find(({ name }) => name === 'provider_credentials')!;
    shared = await db.system((em) => insertRow(em, table, { tenant_id: null }));
  });
  afterAll(() => db.system((em) => runSql(em, 'delete from provider_credentials where id = ?', [shared])));

  it('can be read by every tenant', async () => {
    for (const tenant of [one, two]) {
      const seen = await db.tenant(tenantOf(tenant), (em) =>
        runSql<{ id: string }>(em, 'select id from provider_credentials order by id'),
      );
      expect(new Set(seen.map(({ id }) => id))).toEqual(new Set([shared, tenant.provider_credentials]));
    }
  });

  it('cannot be read without a tenant', () =>
    connected(
      test.url,
      async (client) => expect(await count(client, 'provider_credentials')).toBe(0),
      '-c role=patchbay_app',
    ));

  it.each([
    "update provider_credentials set settings = 'mine' where id = ? returning id",
    'update provider_credentials set tenant_id = tenant_id where id = ? returning id',
    'delete from provider_credentials where id = ? returning id',
  ])('are not touched by a tenant: %s', async (statement) =>
    expect(await db.tenant(tenantOf(one), (em) => runSql(em, statement, [shared]))).toEqual([]),
  );
});

describe('the login of operators', () => {
  it('reads every tenant in every table', () =>
    connected(test.readerUrl, async (client) => {
      expect(await ofEachTable((table) => count(client, table.name))).toEqual(eachTable(() => 2));
    }));

  it('writes nothing', () =>
    connected(test.readerUrl, async (client) => {
      const id = newId();
      const codes = await ofEachTable(async (table) => {
        const { name } = table;
        const key = keyColumn(table);
        const found: string[] = [];
        const statements: [sql: string, params?: string[]][] = [
          [`insert into ${name} (${key}) values ($1)`, [id]],
          [`update ${name} set ${key} = ${key}`],
          [`delete from ${name}`],
          [`truncate ${name} cascade`],
        ];
        for (const [sql, params] of statements) found.push(await codeOf(client.query(sql, params)));
        return found;
      });
      expect(codes).toEqual(eachTable(() => Array(4).fill(refused.code)));
    }));

  it.each([
    'create temporary table mine (id int)',
    'select lo_create(0)',
    'select lo_creat(-1)',
    "select lo_from_bytea(0, 'mine')",
  ])('makes nothing: %s', (statement) =>
    connected(test.readerUrl, async (client) => expect(await codeOf(client.query(statement))).toBe(refused.code)),
  );

  it.each(['patchbay_app', 'patchbay_system'])('cannot take the role %s', (role) =>
    connected(test.readerUrl, async (client) => {
      await expect(client.query(`set role ${role}`)).rejects.toMatchObject(refused);
    }),
  );
});

describe('the login of our processes', () => {
  it('has no rights of its own: outside its roles it reads nothing', () =>
    connected(test.url, async (client) => {
      await client.query('set role patchbay_system');
      expect(await count(client, 'accounts')).toBe(2);
      await client.query('reset role');
      const codes = await ofEachTable(({ name }) => codeOf(client.query(`select from ${name}`)));
      expect(codes).toEqual(eachTable(() => refused.code));
    }));

  it('works with the role of each pool from its first statement on', async () => {
    const role = 'select current_user as role';
    expect(await db.tenant(tenantOf(one), (em) => runSql(em, role))).toEqual([{ role: 'patchbay_app' }]);
    expect(await db.system((em) => runSql(em, role))).toEqual([{ role: 'patchbay_system' }]);
  });

  it('may take the roles of the application and the system, and no others', () =>
    connected(test.url, async (client) => {
      const { rows: found } = await client.query(
        `select rolname from pg_roles where pg_has_role(current_user, oid, 'member') and rolname <> current_user
         order by rolname`,
      );
      expect(found.map((row) => row.rolname)).toEqual(['patchbay_app', 'patchbay_system']);
    }));

  it('cannot make tables, and none of its roles can', () =>
    connected(test.url, async (client) => {
      for (const role of ['none', 'patchbay_app', 'patchbay_system']) {
        await client.query(`set role ${role}`);
        await expect(client.query('create table mine (id int)')).rejects.toMatchObject(refused);
      }
    }));
});

it('gives none of its roles a way around row-level security, nor a login', async () => {
  const found = await db.system((em) =>
    runSql(
      em,
      `select rolname from pg_roles where rolname like 'patchbay%' and (rolsuper or rolbypassrls or rolreplication)
       union all
       select rolname from pg_roles where rolname in ('patchbay_app', 'patchbay_system', 'patchbay_operator')
         and (rolcanlogin or rolcreaterole or rolcreatedb)`,
    ),
  );
  expect(found).toEqual([]);
});

it('removes the contacts of a deleted account or tenant, whatever the role, and no others', async () => {
  const [left, deleted, last] = await db.system(async (em) => [
    await seedTenant(em, tables),
    await seedTenant(em, tables),
    await seedTenant(em, tables),
  ]);
  const counted = (ids: Record<string, string>) =>
    db.system(async (em) => {
      const params = [tenantOf(ids)];
      const [contacts] = await runSql<{ n: number }>(
        em,
        'select count(*)::int as n from contacts where tenant_id = ?',
        params,
      );
      const [aliases] = await runSql<{ n: number }>(
        em,
        'select count(*)::int as n from contact_aliases where tenant_id = ?',
        params,
      );
      return [contacts?.n, aliases?.n];
    });
  expect(await counted(deleted)).toEqual([1, 1]);
  await db.tenant(tenantOf(deleted), (em) =>
    runSql(em, 'delete from accounts where tenant_id = ?', [tenantOf(deleted)]),
  );
  expect(await counted(deleted)).toEqual([0, 0]);
  await db.system((em) => runSql(em, 'delete from tenants where id = ?', [tenantOf(last)]));
  expect(await counted(last)).toEqual([0, 0]);
  expect(await counted(left)).toEqual([1, 1]);
});

it('refuses contacts of a deleted account', async () => {
  await expect(db.tenant(tenantOf(one), (em) => lockContacts(em, newId()))).rejects.toThrow('is gone.');
});

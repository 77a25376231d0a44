import type { MikroORM } from '@mikro-orm/postgresql';
import { openAsOwner } from '../../db/migrate.ts';
import { openDatabase, type Database } from '../../db/connect.ts';
import { runSql } from '../support/run-sql.ts';
import { Account } from '../../db/entities/accounts.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { seedTenant, tablesOf } from './seed.ts';

let test: TestDatabase;
let orm: MikroORM;
let db: Database;
beforeAll(async () => {
  test = await createTestDatabase();
  orm = await openAsOwner(test.ownerUrl);
  db = await openDatabase(test.url, { pool: { app: 2, system: 2 } });
});
afterAll(async () => {
  await db?.close();
  await orm?.close(true);
  await test?.drop();
});

/** The database's names of types where they differ from the entities'. */
const typeNames: Record<string, string> = {
  int: 'int4',
  bigint: 'int8',
  boolean: 'bool',
  real: 'float4',
  'double precision': 'float8',
  'text[]': '_text',
  'int[]': '_int4',
};
const typeName = (type: string): string => {
  const bare = type.replace(/\(\d+\)$/, '');
  return typeNames[bare] ?? bare;
};

it('has migrations and entities that agree on every column', async () => {
  const columns = await runSql<{ table_name: string; column_name: string; is_nullable: string; udt_name: string }>(
    orm.em.fork(),
    `select table_name, column_name, is_nullable, udt_name from information_schema.columns
     where table_schema = 'public' and table_name <> 'schema_migrations'
       and to_regclass(table_name) not in (select oid from pg_class where relkind = 'v')
       -- What the database computes is in no entity.
       and is_generated = 'NEVER' and not (select relispartition from pg_class where oid = to_regclass(table_name))`,
  );
  const inDatabase = columns.map((c) => `${c.table_name}.${c.column_name} ${c.udt_name} ${c.is_nullable}`).sort();
  const inEntities = [...orm.getMetadata().getAll().values()]
    .flatMap(({ tableName, props }) =>
      props.map(
        (p) => `${tableName}.${p.fieldNames[0]} ${typeName(p.columnTypes[0] ?? '')} ${p.nullable ? 'YES' : 'NO'}`,
      ),
    )
    .sort();
  expect(inEntities).toEqual(inDatabase);
});

it('has every unique rule of the entities in the database, under the same name', async () => {
  const named = [...orm.getMetadata().getAll().values()].flatMap(({ uniques }) => uniques.map(({ name }) => name));
  const found = await runSql<{ conname: string }>(
    orm.em.fork(),
    "select conname from pg_constraint where contype = 'u' and connamespace = 'public'::regnamespace",
  );
  expect(named.length).toBeGreaterThan(0);
  expect(found.map(({ conname }) => conname)).toEqual(expect.arrayContaining(named));
});

it('has no time without a zone', async () => {
  const found = await runSql(
    orm.em.fork(),
    `select table_name, column_name from information_schema.columns
     where table_schema = 'public' and table_name <> 'schema_migrations' and data_type = 'timestamp without time zone'`,
  );
  expect(found).toEqual([]);
});

it('reads times and structures as they were written', async () => {
  const { tenants, accounts } = await db.system(async (em) => seedTenant(em, await tablesOf(em)));
  const written = { since: new Date('2026-05-04T10:00:00.123Z'), metadata: { a: [1, { b: null }] }, details: null };
  await db.tenant(tenants ?? '', async (em) => {
    const account = await em.findOneOrFail(Account, { id: accounts });
    Object.assign(account, { since: written.since, metadata: written.metadata });
  });
  const read = await db.tenant(tenants ?? '', (em) => em.findOneOrFail(Account, { id: accounts }));
  expect(read).toMatchObject({ since: written.since, metadata: written.metadata, connectionConfig: null });
});

import { openDatabase, type Database } from '../../db/connect.ts';
import { exportedTables, leftOutTables } from '../../services/exports/tables.ts';
import { sealedColumns } from '../../db/sealed.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { runSql } from '../support/run-sql.ts';

let test: TestDatabase;
let db: Database;
beforeAll(async () => {
  test = await createTestDatabase();
  db = await openDatabase(test.url, { pool: { app: 1, system: 1 } });
});
afterAll(async () => {
  await db?.close();
  await test?.drop();
});

const columns = (): Promise<{ table: string; column: string }[]> =>
  db.system((em) =>
    runSql(
      em,
      `select c.table_name as table, c.column_name as column from information_schema.columns c
       join pg_class p on p.oid = to_regclass(c.table_name)
       where c.table_schema = 'public' and p.relkind in ('r', 'p') and not p.relispartition`,
    ),
  );

it('says of every table with rows of tenants whether an export has it', async () => {
  const found = await columns();
  const own = new Set(found.filter(({ column }) => column === 'tenant_id').map(({ table }) => table));
  const listed = [...exportedTables.map(({ name }) => name), ...Object.keys(leftOutTables)];
  expect(listed.filter((name) => name !== 'tenants').sort()).toEqual([...own].sort());
});

it('opens or withholds every sealed column of a table that an export has', () => {
  const open = sealedColumns.flatMap(({ table, column }) => {
    const found = exportedTables.find(({ name }) => name === table);
    const isKnown = !found || column in (found.opened ?? {}) || found.withheld?.includes(column);
    return isKnown ? [] : [`${table}.${column}`];
  });
  expect(open).toEqual([]);
});

it('names columns that exist', async () => {
  const known = new Set((await columns()).map(({ table, column }) => `${table}.${column}`));
  const named = exportedTables.flatMap(({ name, keys, opened = {}, withheld = [] }) =>
    [...Object.keys(keys), ...Object.keys(opened), ...withheld].map((column) => `${name}.${column}`),
  );
  expect(named.filter((one) => !known.has(one))).toEqual([]);
});

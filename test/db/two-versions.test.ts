import { migrate, openAsOwner } from '../../db/migrate.ts';
import { createEmptyDatabase, type TestDatabase } from '../support/database.ts';
import { runSql } from '../support/run-sql.ts';

/** The last migration of the version before: its processes run for a while with the newest schema. */
const before = '0107-partition-locks';

interface Column {
  name: string;
  type: string;
  required: boolean;
}

let test: TestDatabase;
beforeAll(async () => {
  test = await createEmptyDatabase();
});
afterAll(() => test?.drop());

async function columns(): Promise<Map<string, Column>> {
  const orm = await openAsOwner(test.ownerUrl);
  try {
    const found = await runSql<Column>(
      orm.em.fork(),
      `select c.relname || '.' || a.attname as name, format_type(a.atttypid, null) as type, a.attnotnull and not a.atthasdef as required
       from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
       where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p', 'v') and not c.relispartition`,
    );
    return new Map(found.map((one) => [one.name, one]));
  } finally {
    await orm.close(true);
  }
}

it('F8: processes of the version before can work with the schema of this one', async () => {
  await migrate(test.ownerUrl, before);
  const old = await columns();
  await migrate(test.ownerUrl);
  const now = await columns();
  const tables = new Set([...old.keys()].map((name) => name.split('.')[0]));
  const changed = [...old.values()].filter(({ name, type }) => now.get(name)?.type !== type).map(({ name }) => name);
  expect(changed).toEqual([]);
  // Statements that know nothing of a new column leave it out.
  const required = [...now.values()].filter(
    ({ name, required: is }) => is && tables.has(name.split('.')[0]) && old.get(name)?.required !== true,
  );
  expect(required.map(({ name }) => name)).toEqual([]);
}, 120_000);

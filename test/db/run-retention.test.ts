import { openDatabase, type Database } from '../../db/connect.ts';
import { runSql } from '../support/run-sql.ts';
import { removeSyncRuns } from '../../db/queries/retention/run-retention.ts';
import { newId } from '../../platform/ids.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { insertRow, seedTenant, tablesOf, type Table } from './seed.ts';

let test: TestDatabase;
let db: Database;
let tables: Table[];
beforeAll(async () => {
  test = await createTestDatabase();
  db = await openDatabase(test.url, { pool: { app: 2, system: 2 } });
  tables = await db.system(tablesOf);
});
afterAll(async () => {
  await db?.close();
  await test?.drop();
});

const now = new Date('2026-06-01T00:00:00Z');
const before = new Date('2026-05-01T00:00:00Z');
const long = new Date('2026-04-01T00:00:00Z');
const lately = new Date('2026-05-15T00:00:00Z');

interface Given {
  name: string;
  kind?: string;
  scope?: string;
  state?: string;
  ended?: Date | null;
}

/** The runs that stay, of runs given from the oldest to the newest. */
async function left(...given: Given[]): Promise<string[]> {
  const seeded = await db.system((em) => seedTenant(em, tables));
  const table = tables.find(({ name }) => name === 'sync_runs')!;
  await db.system((em) => runSql(em, 'delete from sync_runs where account_id = ?', [seeded['accounts']]));
  const names = new Map<string, string>();
  for (const { name, kind = 'contacts', scope = '', state = 'succeeded', ended = long } of given) {
    const id = newId();
    names.set(id, name);
    await db.system((em) =>
      insertRow(em, table, {
        id,
        tenant_id: seeded['tenants'],
        account_id: seeded['accounts'],
        kind,
        scope,
        target: scope === '' ? null : 'sealed',
        state,
        dry_run: false,
        ended_at: ended,
      }),
    );
  }
  while (await db.system((em) => removeSyncRuns(em, before)));
  const found = await db.system((em) =>
    runSql<{ id: string }>(em, 'select id from sync_runs where account_id = ? order by id', [seeded['accounts']]),
  );
  return found.map(({ id }) => names.get(id) ?? '');
}

describe('finished syncs', () => {
  it('are removed after their retention, except the newest of each kind and the newest success', async () => {
    expect(
      await left(
        { name: 'old' },
        { name: 'details', kind: 'details' },
        { name: 'last good' },
        { name: 'failed', state: 'failed' },
        { name: 'last', state: 'failed' },
      ),
    ).toEqual(['details', 'last good', 'last']);
  });

  it('stay while they are young or run', async () => {
    expect(
      await left(
        { name: 'running', scope: 'one/a', state: 'running', ended: null },
        { name: 'young', scope: 'one/b', ended: lately },
        { name: 'last', ended: now },
      ),
    ).toEqual(['running', 'young', 'last']);
  });

  it('of a person or a group are removed even when one is the newest of its account', async () => {
    expect(
      await left(
        { name: 'whole' },
        { name: 'one', scope: 'one/a' },
        { name: 'group', scope: 'group/b' },
        { name: 'last', scope: 'one/c', state: 'failed' },
      ),
    ).toEqual(['whole']);
  });
});

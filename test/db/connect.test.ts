import { openDatabase, type Database } from '../../db/connect.ts';
import { newId } from '../../platform/ids.ts';
import { runSql } from '../support/run-sql.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';

let test: TestDatabase;
let db: Database;
beforeAll(async () => {
  test = await createTestDatabase();
  db = await openDatabase(test.url, { pool: { app: 2, system: 2 } });
});
afterAll(async () => {
  await db?.close();
  await test?.drop();
});

const [one, two] = [newId(), newId()];
/** The role and the tenant that a statement works as. */
const identity = "select current_user as role, coalesce(current_setting('patchbay.tenant', true), '') as tenant";
type Way = (work: Parameters<Database['system']>[0]) => Promise<unknown>;
const ways: [name: string, way: Way, identity: { role: string; tenant: string }][] = [
  ['a tenant', (work) => db.tenant(one, work), { role: 'patchbay_app', tenant: one }],
  ['another tenant', (work) => db.tenant(two, work), { role: 'patchbay_app', tenant: two }],
  ['the system', (work) => db.system(work), { role: 'patchbay_system', tenant: '' }],
];
const pairs = ways.flatMap((outer) => ways.map((inner) => [outer[0], inner[0], outer[1], inner[1], inner[2]] as const));

describe('a transaction inside the work of another', () => {
  it.each(pairs)('is refused, and the outer one goes on: in that of %s one of %s', async (_o, _i, outer, inner) => {
    let ran = false;
    await outer(async (em) => {
      const [before] = await runSql(em, identity);
      await expect(inner(async () => (ran = true))).rejects.toThrow(/inside the work of another.*`em`/s);
      expect(await runSql(em, identity)).toEqual([before]);
    });
    expect(ran).toBe(false);
  });

  it.each(pairs)(
    'is one of its own once the outer one has ended: after that of %s one of %s',
    async (_o, _i, outer, inner, expected) => {
      let ended!: () => void;
      const outerEnded = new Promise<void>((resolve) => (ended = resolve));
      let later: Promise<unknown> = Promise.resolve();
      await outer(async () => {
        later = outerEnded.then(() => inner((em) => runSql(em, identity)));
      });
      ended();
      expect(await later).toEqual([expected]);
    },
  );
});

it('runs transactions side by side, each as its own role and tenant', async () => {
  const found = await Promise.all(ways.map(([, way]) => way((em) => runSql(em, identity))));
  expect(found).toEqual(ways.map(([, , expected]) => [expected]));
});

it('once closed begins no transaction and opens no connection', async () => {
  const closing = await openDatabase(test.url, { pool: { app: 1, system: 1 } });
  await closing.system((em) => runSql(em, 'select 1'));
  await closing.close();
  const late = [closing.system, (work: any) => closing.tenant(one, work), (work: any) => closing.intake('one', work)];
  for (const way of late) await expect(way((em: any) => runSql(em, 'select 1'))).rejects.toThrow('is closed');
  expect(closing.connections()).toMatchObject({ app: { busy: 0, idle: 0 }, system: { busy: 0, idle: 0 } });
});

it('ends once the transactions that run have ended', async () => {
  const closing = await openDatabase(test.url, { pool: { app: 1, system: 1 } });
  const [begun, go] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  const work = closing.system(async (em) => {
    begun.resolve();
    await go.promise;
    return runSql(em, 'select 1 as one');
  });
  await begun.promise;
  const closed = closing.close();
  go.resolve();
  expect(await work).toEqual([{ one: 1 }]);
  await closed;
});

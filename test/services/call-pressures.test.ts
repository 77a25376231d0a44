import { openDatabase, type Database } from '../../db/connect.ts';
import { pressureLiftsIn } from '../../db/queries/tenants/call-pressures.ts';
import { createLog } from '../../platform/log.ts';
import { newId } from '../../platform/ids.ts';
import { createCallLimits } from '../../services/call-limits.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { runSql } from '../support/run-sql.ts';

let test: TestDatabase;
let db: Database;
let now = Date.UTC(2026, 0, 5);
const clock = { now: () => new Date(now) };

beforeAll(async () => {
  test = await createTestDatabase();
  db = await openDatabase(test.url, { pool: { app: 1, system: 2 } });
});
afterAll(async () => {
  await db?.close();
  await test?.drop();
});

async function credentials() {
  const id = newId();
  const insert = `insert into provider_credentials (id, provider, settings, webhook_secrets, webhook_token, registrations,
    probes, created_at, updated_at) values (?, ?, '', '', ?, '[]', 0, now(), now())`;
  await db.system((em) => runSql(em, insert, [id, id, id]));
  return { id, tenantId: null, callsPerMinute: null };
}

/** A process of its own, which knows at once what is in PostgreSQL when it first asks. */
const startProcess = () => createCallLimits(db, clock, createLog('worker', 'silent'));

const limited = { code: 'rate_limited', effect: 'none', retryAfterMs: expect.any(Number) };
const page = 'page-1';
const minute = 60_000;

async function timeOf(work: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await work();
  return performance.now() - start;
}

it('slows the calls of every process once a limit is nearly full, and those that count toward it alone', async () => {
  const of = await credentials();
  const [one, other] = [startProcess().of(of, 'live'), startProcess().of(of, 'live')];
  await one.report([{ of: page, percent: 88, until: null }]);
  await one.turn(undefined, [page]);
  // The clock of these limits stands still: only its own steps let the next call go.
  const ended = new AbortController();
  const waiting = other.turn(ended.signal, [page]);
  await other.turn(undefined, ['page-2']);
  await other.turn();
  now += 799;
  await db.system(async (em) => expect(await pressureLiftsIn(em, of.id, [page], clock.now())).toBe(1));
  now += 1;
  await waiting;
});

it('goes on as before when an answer tells of room', async () => {
  const of = await credentials();
  const { turn, report } = startProcess().of(of, 'live');
  await report([{ of: page, percent: 99, until: null }]);
  await turn(undefined, [page]);
  await report([{ of: page, percent: 79, until: null }]);
  expect(await timeOf(() => Promise.all([1, 2, 3].map(() => turn(undefined, [page]))))).toBeLessThan(500);
});

it('waits where nothing is left until the provider takes calls again, which is no failure of what waits', async () => {
  const of = await credentials();
  const { turn, report } = startProcess().of(of, 'live');
  await report([{ of: page, percent: 100, until: now + 4 * minute }]);
  await expect(turn(undefined, [page])).rejects.toMatchObject({ ...limited, retryAfterMs: 4 * minute });
  // An answer that was on its way before the limit was full tells an older state.
  await report([{ of: page, percent: 85, until: null }]);
  await expect(turn(undefined, [page])).rejects.toMatchObject(limited);
  await turn(undefined, ['page-2']);
  now += 4 * minute;
  await turn(undefined, [page]);
});

it('holds all calls of the credentials where the limit is of all', async () => {
  const [of, others] = [await credentials(), await credentials()];
  const process = startProcess();
  await process.of(of, 'live').report([{ of: null, percent: 104, until: null }]);
  for (const names of [[], [page]])
    await expect(process.of(of, 'live').turn(undefined, names)).rejects.toMatchObject(limited);
  await process.of(others, 'live').turn(undefined, [page]);
  now += 5 * minute;
  await process.of(of, 'live').turn(undefined, [page]);
});

it('leaves the room that there is to live calls', async () => {
  const of = await credentials();
  const process = startProcess();
  await process.of(of, 'live').report([{ of: page, percent: 92, until: null }]);
  await process.of(of, 'live').turn(undefined, [page]);
  now += 1_600;
  const ended = new AbortController();
  const backfill = process.of(of, 'backfill').turn(ended.signal, [page]);
  await process.of(of, 'live').turn(undefined, [page]);
  ended.abort();
  await expect(backfill).rejects.toMatchObject(limited);
  now += 4 * 1_600;
  await process.of(of, 'backfill').turn(undefined, [page]);
});

it('is known to other processes within a second', async () => {
  const of = await credentials();
  const [teller, other] = [startProcess().of(of, 'live'), startProcess().of(of, 'live')];
  await other.turn(undefined, [page]);
  await teller.report([{ of: page, percent: 100, until: now + minute }]);
  await new Promise((resolve) => setTimeout(resolve, 1_050));
  await expect(other.turn(undefined, [page])).rejects.toMatchObject(limited);
});

it('keeps nothing of limits that are far from full, and drops what is over', async () => {
  const of = await credentials();
  const { report } = startProcess().of(of, 'live');
  await report([{ of: page, percent: 40, until: null }]);
  await report([{ of: 'old', percent: 90, until: null }]);
  now += 6 * minute;
  await report([{ of: 'new', percent: 90, until: null }]);
  const names = await db.system((em) =>
    runSql(em, 'select name from call_pressures where credentials_id = ?', [of.id]),
  );
  expect(names).toEqual([{ name: 'new' }]);
});

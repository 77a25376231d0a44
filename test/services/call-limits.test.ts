import { openDatabase, type Database } from '../../db/connect.ts';
import { newId } from '../../platform/ids.ts';
import { createLog } from '../../platform/log.ts';
import { createCallLimits, type CallingCredentials } from '../../services/call-limits.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { runSql } from '../support/run-sql.ts';

let test: TestDatabase;
let db: Database;
let now = Date.UTC(2026, 0, 5);
const clock = { now: () => new Date(now) };
const log = createLog('worker', 'silent');

beforeAll(async () => {
  test = await createTestDatabase();
  db = await openDatabase(test.url, { pool: { app: 1, system: 2 } });
});
afterAll(async () => {
  await db?.close();
  await test?.drop();
});

async function credentials(callsPerMinute: number | null = null): Promise<CallingCredentials> {
  const id = newId();
  const insert = `insert into provider_credentials (id, provider, settings, webhook_secrets, webhook_token, registrations,
    probes, calls_per_minute, created_at, updated_at) values (?, ?, '', '', ?, '[]', 0, ?, now(), now())`;
  await db.system((em) => runSql(em, insert, [id, id, id, callsPerMinute]));
  return { id, tenantId: null, callsPerMinute };
}

/** A process of its own, and how often it asked PostgreSQL. */
function startProcess() {
  const asked = { times: 0 };
  const counting: Database = {
    ...db,
    system: (work) => {
      asked.times += 1;
      return db.system(work);
    },
  };
  return { ...createCallLimits(counting, clock, log), asked };
}

const limited = { code: 'rate_limited', effect: 'none', retryAfterMs: expect.any(Number) };

it('lets calls go out at once where there is no limit', async () => {
  const { of, asked } = startProcess();
  const { turn } = of(await credentials(), 'live');
  asked.times = 0;
  for (let n = 0; n < 100; n += 1) await turn();
  expect(asked.times).toBeLessThanOrEqual(2);
});

it('counts the calls of all accounts and processes with the same credentials together', async () => {
  const of = await credentials(5);
  const [one, two] = [startProcess(), startProcess()];
  await one.of(of, 'live').turn();
  await two.of(of, 'live').turn();
  await expect(one.of(of, 'live').turn()).rejects.toMatchObject(limited);
  await expect(two.of(of, 'live').turn()).rejects.toMatchObject(limited);
  await two.of(await credentials(5), 'live').turn();
  now += 60_000;
  await one.of(of, 'live').turn();
});

it('lets a live call go while backfill waits', async () => {
  const of = await credentials(10);
  const [reader, sender] = [startProcess(), startProcess()];
  await reader.of(of, 'backfill').turn();
  const ended = new AbortController();
  const waiting = reader.of(of, 'backfill').turn(ended.signal);
  await sender.of(of, 'live').turn();
  ended.abort();
  await expect(waiting).rejects.toMatchObject(limited);
});

it('asks PostgreSQL for fewer calls than it makes', async () => {
  const of = await credentials(6_000);
  const { of: limitsOf, asked } = startProcess();
  const { turn } = limitsOf(of, 'live');
  for (let n = 0; n < 500; n += 1) await turn();
  expect(asked.times).toBeLessThan(250);
});

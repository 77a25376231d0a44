import { openDatabase, type Database } from '../../db/connect.ts';
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

async function credentials(callsPerMinute: number): Promise<{ id: string; tenantId: null; callsPerMinute: number }> {
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
  return { ...createCallLimits(counting, clock), asked };
}

const limited = { code: 'rate_limited', effect: 'none', retryAfterMs: expect.any(Number) };

it('has no turns where there is no limit', () => {
  expect(startProcess().turnOf({ id: newId(), tenantId: null, callsPerMinute: null }, 'live')).toBeUndefined();
});

it('counts the calls of all accounts and processes with the same credentials together', async () => {
  const of = await credentials(5);
  const [one, two] = [startProcess(), startProcess()];
  await one.turnOf(of, 'live')?.();
  await two.turnOf(of, 'live')?.();
  await expect(one.turnOf(of, 'live')?.()).rejects.toMatchObject(limited);
  await expect(two.turnOf(of, 'live')?.()).rejects.toMatchObject(limited);
  await two.turnOf(await credentials(5), 'live')?.();
  now += 60_000;
  await one.turnOf(of, 'live')?.();
});

it('lets a live call go while backfill waits', async () => {
  const of = await credentials(10);
  const [reader, sender] = [startProcess(), startProcess()];
  await reader.turnOf(of, 'backfill')?.();
  const ended = new AbortController();
  const waiting = reader.turnOf(of, 'backfill')?.(ended.signal);
  await sender.turnOf(of, 'live')?.();
  ended.abort();
  await expect(waiting).rejects.toMatchObject(limited);
});

it('asks PostgreSQL for fewer calls than it makes', async () => {
  const of = await credentials(6_000);
  const { turnOf, asked } = startProcess();
  const turn = turnOf(of, 'live');
  for (let n = 0; n < 500; n += 1) await turn?.();
  expect(asked.times).toBeLessThan(250);
});

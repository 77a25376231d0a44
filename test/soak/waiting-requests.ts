import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { databaseUrlOf } from '../../dev/parts/postgres-roles.ts';
import { createClient } from '../support/client.ts';
import { eventually } from '../support/eventually.ts';
import { startRealStack, type RealStack } from '../support/real-stack.ts';
import type { Row } from './assertions.ts';

/** For how long statements are counted, in milliseconds. */
const countedMs = 30_000;
const patienceMs = 60_000;
/** Statements a second: a query each 300 ms for every request would be more than three times as many as requests. */
const goal = (requests: number): number => requests;

/** How many statements PostgreSQL executes while so many requests wait for the next step of an attempt. */
export async function waitingRequests(requests: number, report: (text: string) => void): Promise<Row[]> {
  const real = await startRealStack({
    WAITS_AT_ONCE_PER_KEY: String(requests + 10),
    RATE_LIMIT_PER_MINUTE: '1000000',
  });
  const admin = await countingStatements(real);
  try {
    const { api_url: url, api_key: key } = real.stack.describe();
    const body = { provider: 'unipile', channel: 'whatsapp', owner: 'kim' };
    const { account } = (await real.api.post('/api/v1/accounts', body)).body;
    const { step } = await real.api.step(account.id, 'qr', 'redirect');
    const idle = await statementsPerSecond(admin);
    const client = createClient(url, key);
    const gone = new AbortController();
    const poll = async (): Promise<void> => {
      while (!gone.signal.aborted) await client.get(`/api/v1/accounts/${account.id}/attempt?after=${step.id}&wait=60`);
    };
    const polls = Array.from({ length: requests }, poll);
    // Their first looks are over then.
    await sleep(10_000);
    const waiting = await statementsPerSecond(admin);
    gone.abort();
    await real.api.post(`/api/v1/accounts/${account.id}/attempt/cancel`);
    await Promise.all(polls);
    report(`${requests} long polls of an attempt: ${waiting} statements a second, ${idle} without them`);
    const more = Math.round(waiting - idle);
    return [
      {
        what: `long polls: statements a second for ${requests}`,
        expected: `< ${goal(requests)}`,
        found: String(more),
        ok: more < goal(requests),
      },
    ];
  } finally {
    await admin.end();
    await real.stop();
  }
}

/** A superuser's connection to a server that counts statements: its library is loaded at the start alone. */
async function countingStatements(real: RealStack): Promise<pg.Client> {
  const url = databaseUrlOf(real.home, real.stack.describe().database_url, 'superuser');
  const connect = async (): Promise<pg.Client> => {
    const client = new pg.Client({ connectionString: url });
    client.on('error', () => undefined);
    await client.connect();
    return client;
  };
  const before = await connect();
  await before.query("alter system set shared_preload_libraries = 'pg_stat_statements'");
  await before.end();
  await real.kill('postgres');
  // Until it hears of changes again, the API looks for them.
  const isBack = async (): Promise<boolean> =>
    (await (await fetch(real.stack.describe().metrics.api)).text()).includes('patchbay_listening 1');
  await real.ready();
  await eventually('the API to hear of changes', isBack, patienceMs);
  const admin = await connect();
  await admin.query('create extension pg_stat_statements');
  return admin;
}

async function statementsPerSecond(admin: pg.Client): Promise<number> {
  const count = async (): Promise<number> => {
    const { rows } = await admin.query<{ n: string }>(
      'select sum(calls) as n from pg_stat_statements join pg_database d on d.oid = dbid where d.datname = current_database()',
    );
    return Number(rows[0]?.n);
  };
  const before = await count();
  const began = performance.now();
  await sleep(countedMs);
  return Math.round(((await count()) - before) / ((performance.now() - began) / 1_000));
}

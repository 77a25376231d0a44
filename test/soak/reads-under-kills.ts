import { setTimeout as sleep } from 'node:timers/promises';
import { openDatabase, type Database } from '../../db/connect.ts';
import { databaseUrlOf } from '../../dev/parts/postgres-roles.ts';
import { openSocket, openStream } from '../events/live-readers.ts';
import { readResuming } from '../events/resuming-reader.ts';
import { eventIds, writeChanges } from '../events/writers.ts';
import { eventually } from '../support/eventually.ts';
import { startRealStack, type RealStack } from '../support/real-stack.ts';
import { runSql } from '../support/run-sql.ts';
import { seedMessages } from '../support/seed-messages.ts';
import type { Row } from './assertions.ts';

export interface ReadsSize {
  /** About so many events are written. */
  events: number;
  /** Milliseconds between the return of the API and its next kill. */
  gapMs: number;
}

const writers = 8;
const readers = 20;
const conversations = 20;
/** Changes of one transaction: half of them on average. */
const changesAtOnce = 200;
const restMs = 40;
/** Events of one connection. */
const most = 4_000;
const patienceMs = 60_000;

/** Streams and sockets that break off at random points, while writers sleep before they commit and the API is killed. */
export async function readsUnderKills({ events, gapMs }: ReadsSize, report: (text: string) => void): Promise<Row[]> {
  const real = await startRealStack({ RATE_LIMIT_PER_MINUTE: '1000000' });
  const { database_url: url, api_key: key } = real.stack.describe();
  const db = await openDatabase(databaseUrlOf(real.home, url, 'superuser'), { pool: { app: writers, system: 1 } });
  let last: string | null = null;
  try {
    const { tenant, chats } = await makeChats(real, db);
    const start = (await real.api.get('/api/v1/events?after=now')).body.next;
    const began = Date.now();
    const reading = Promise.all(
      Array.from({ length: readers }, (_, n) =>
        readResuming({
          keep: ({ id }) => ({ id }),
          open: n % 2 ? openStream : (way) => openSocket(way),
          url: () => real.stack.describe().api_url,
          key,
          start,
          most,
          last: () => last,
        }),
      ),
    );
    // One in ten transactions is undone.
    const transactionsOfWriter = Math.ceil(events / (writers * 0.9 * (changesAtOnce / 2)));
    let isWritten = false;
    const writing = writeChanges(db, tenant, chats, { writers, transactionsOfWriter, changesAtOnce, restMs }).finally(
      () => (isWritten = true),
    );
    const kills = await killUntil(real, gapMs, () => isWritten);
    const committed = await writing;
    const written = await eventIds(db, tenant, start);
    last = written.at(-1) ?? '';
    const all = await reading;
    report(
      `${committed} events by ${writers} writers to ${readers} readers in ${Math.round((Date.now() - began) / 1_000)} s; the API was killed ${kills} times`,
    );
    const truth = written.join();
    const wrong = all.filter((seen) => seen.map(({ id }) => id).join() !== truth).length;
    const disorder = await outOfOrder(db, tenant, start);
    return [
      row('reads under kills: events', `${committed}`, `${written.length}`, committed === written.length),
      row('reads under kills: readers that missed or doubled one', '0', `${wrong} of ${readers}`, wrong === 0),
      row('reads under kills: changes of a conversation out of order', '0', `${disorder}`, disorder === 0),
      row('reads under kills: kills', '> 0', `${kills}`, kills > 0),
    ];
  } finally {
    last ??= '';
    await db.close();
    await real.stop();
  }
}

const row = (what: string, expected: string, found: string, ok: boolean): Row => ({ what, expected, found, ok });

async function makeChats(real: RealStack, db: Database): Promise<{ tenant: string; chats: string[] }> {
  const body = { provider: 'unipile', channel: 'whatsapp', owner: 'kim' };
  const { account } = (await real.api.post('/api/v1/accounts', body)).body;
  // The tenant's only events from here on are those of the writers.
  await real.api.post(`/api/v1/accounts/${account.id}/attempt/cancel`);
  await eventually('the attempt to end', async () => {
    const { state } = (await real.api.get(`/api/v1/accounts/${account.id}/attempt`)).body;
    return state !== 'running';
  });
  return db.system(async (em) => {
    const chats = await seedMessages(em, account.id, (to) =>
      Array.from({ length: conversations }, () => to.conversation({}).id),
    );
    const [found] = await runSql<{ tenant_id: string }>(em, 'select tenant_id from accounts where id = ?', [
      account.id,
    ]);
    return { tenant: found?.tenant_id ?? '', chats };
  });
}

/** Answers how often the API was killed. */
async function killUntil(real: RealStack, gapMs: number, isOver: () => boolean): Promise<number> {
  for (let kills = 0; ; kills += 1) {
    for (const end = Date.now() + gapMs; Date.now() < end; await sleep(100)) if (isOver()) return kills;
    await real.kill('api');
    await eventually('the API', async () => (await real.api.get('/healthz')).status === 200, patienceMs);
  }
}

/** Changes that the feed has before an earlier one of the same conversation: each counts it up. */
async function outOfOrder(db: Database, tenant: string, after: string): Promise<number> {
  const [stamp, seq] = after.split('-').map((part) => Number.parseInt(part, 16));
  const [found] = await db.system((em) =>
    runSql<{ n: string }>(
      em,
      `select count(*) as n from (
         select (data->>'unread_count')::int as now,
           lag((data->>'unread_count')::int, 1, 0) over (partition by data->>'conversation_id' order by stamp, seq) as before
         from events where tenant_id = ? and type = 'conversation.updated' and (stamp, seq) > (?, ?)) told
       where now <> before + 1`,
      [tenant, stamp, seq],
    ),
  );
  return Number(found?.n);
}

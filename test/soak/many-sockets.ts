import { execFile, execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { cpuOf } from '../../bench/measure.ts';
import { openDatabase, type Database } from '../../db/connect.ts';
import { PROJECT } from '../../dev/parts/home.ts';
import { databaseUrlOf } from '../../dev/parts/postgres-roles.ts';
import { openSocket, type LiveReader } from '../events/live-readers.ts';
import { createClient } from '../support/client.ts';
import { eventually } from '../support/eventually.ts';
import { startRealStack, type RealStack } from '../support/real-stack.ts';
import { runSql } from '../support/run-sql.ts';
import { seedMessages } from '../support/seed-messages.ts';
import type { Row } from './assertions.ts';

export interface SocketsSize {
  sockets: number;
  tenants: number;
  /** Events of all tenants in a second, and for how many seconds. */
  perSecond: number;
  seconds: number;
}

/** Sockets that are being opened at once. */
const openingAtOnce = 50;
/** Bytes of a large event, and how many of them a slow reader leaves. */
const large = { bytes: 100_000, events: 300 };
/** File descriptors that a process needs beside its sockets. */
const spareFiles = 500;

/** A tenant with an account and a conversation that changes. */
interface Subject {
  key: string;
  tenant: string;
  account: string;
  conversation: string;
}

/** Sockets of several tenants on one API process, and a reader that takes nothing beside them. */
export async function manySockets(size: SocketsSize, report: (text: string) => void): Promise<Row[]> {
  const most = Number(execFileSync('sh', ['-c', 'ulimit -Hn'], { encoding: 'utf8' }).trim());
  if (most < size.sockets + spareFiles)
    throw new Error(`${size.sockets} sockets need ulimit -Hn ${size.sockets + spareFiles}; it is ${most}`);
  const real = await startRealStack({
    MAX_CONNECTIONS: String(size.sockets + spareFiles),
    SOCKETS_AT_ONCE_PER_KEY: String(size.sockets),
    RATE_LIMIT_PER_MINUTE: '1000000',
  });
  const described = real.stack.describe();
  const db = await openDatabase(databaseUrlOf(real.home, described.database_url, 'superuser'), {
    pool: { app: 1, system: 4 },
  });
  try {
    const subjects: Subject[] = [];
    for (let n = 0; n < size.tenants; n += 1) subjects.push(await makeSubject(real, db, `tenant ${n}`));
    const pid = described.pids.api ?? 0;
    const without = residentMb(pid);
    const counted = new Lags();
    const sockets = await openAll(described.api_url, subjects, size.sockets, counted);
    const open = residentMb(pid);
    report(`${sockets.length} sockets are open: ${open} MB, ${without} MB without them`);
    const cpu = cpuOf(pid);
    const transactions = await committed(db);
    const slow = slowReader(described.api_url, await makeSubject(real, db, 'slow'), db);
    const written = await write(db, subjects, size);
    const seconds = written.ms / 1_000;
    const ofPostgres = (await committed(db)) - transactions - written.events;
    const expected = Math.floor(written.events / subjects.length) * sockets.length;
    await eventually('the last events', async () => counted.all() >= expected, 60_000).catch(() => undefined);
    const [code, missing] = await slow;
    const end = residentMb(pid);
    report(
      `${counted.all()} deliveries of ${written.events} events in ${seconds.toFixed(0)} s: lag p50 ${counted.at(0.5)} ms, p95 ${counted.at(0.95)} ms; ` +
        `the API used ${((cpuOf(pid) - cpu) / seconds).toFixed(2)} processors, ${(ofPostgres / seconds).toFixed(0)} transactions a second, ${end} MB`,
    );
    const gone = sockets.filter(({ isOpen }) => !isOpen).length;
    return [
      row('sockets: open', `${size.sockets}`, `${sockets.length}`, sockets.length === size.sockets),
      row('sockets: closed meanwhile', '0', `${gone}`, gone === 0),
      row('sockets: deliveries', `${expected}`, `${counted.all()}`, counted.all() === expected),
      row('sockets: lag p95, ms', '< 2000', `${counted.at(0.95)}`, counted.at(0.95) < 2_000),
      row('sockets: memory of the API, MB', '< 1000', `${end}`, end < 1_000),
      row('slow reader: close code', '4408', `${code}`, code === 4408),
      row('slow reader: events missing after it resumed', '0', `${missing}`, missing === 0),
    ];
  } finally {
    await db.close();
    await real.stop();
  }
}

const row = (what: string, expected: string, found: string, ok: boolean): Row => ({ what, expected, found, ok });

/** Of a process, from proc_pid_status(5). */
function residentMb(pid: number): number {
  const [, kb = '0'] = /^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
  return Math.round(Number(kb) / 1_024);
}

async function committed(db: Database): Promise<number> {
  const [found] = await db.system((em) =>
    runSql<{ n: string }>(em, 'select xact_commit as n from pg_stat_database where datname = current_database()'),
  );
  return Number(found?.n);
}

async function makeSubject(real: RealStack, db: Database, name: string): Promise<Subject> {
  const args = [join(PROJECT, 'cli/main.ts'), 'keys', 'create', '--tenant', name, '--scope', 'all', '--json'];
  const { stdout } = await promisify(execFile)(process.execPath, args, { env: real.env as NodeJS.ProcessEnv });
  const key: string = JSON.parse(stdout).api_key;
  const body = { provider: 'unipile', channel: 'whatsapp', owner: 'kim' };
  const { account } = (await createClient(real.stack.describe().api_url, key).post('/api/v1/accounts', body)).body;
  return db.system(async (em) => {
    const conversation = await seedMessages(em, account.id, (to) => to.conversation({}).id);
    const [found] = await runSql<{ tenant_id: string }>(em, 'select tenant_id from accounts where id = ?', [
      account.id,
    ]);
    return { key, tenant: found?.tenant_id ?? '', account: account.id, conversation };
  });
}

/** Times from an event to its arrival, in milliseconds. */
class Lags {
  readonly #counts = new Map<number, number>();
  #all = 0;

  add(ms: number): void {
    this.#all += 1;
    this.#counts.set(ms, (this.#counts.get(ms) ?? 0) + 1);
  }

  all(): number {
    return this.#all;
  }

  at(part: number): number {
    let left = this.#all * part;
    for (const [ms, count] of [...this.#counts].toSorted(([a], [b]) => a - b)) if ((left -= count) <= 0) return ms;
    return 0;
  }
}

/** Sockets of all subjects in turn, which count the changes of conversations. */
async function openAll(
  url: string,
  subjects: readonly Subject[],
  count: number,
  lags: Lags,
): Promise<{ isOpen: boolean }[]> {
  const sockets: { isOpen: boolean }[] = [];
  const openNext = async (from: number): Promise<void> => {
    for (let n = from; n < count; n += openingAtOnce) {
      const { key } = subjects[n % subjects.length]!;
      const { socket, ended, got } = await openSocket({ url, key, query: { types: 'conversation.updated' } });
      const one = { isOpen: true };
      void ended.then(() => (one.isOpen = false));
      socket.on('message', (data: Buffer) => {
        got.length = 0;
        const message = JSON.parse(data.toString());
        if (message.type === 'conversation.updated') lags.add(Math.max(0, Date.now() - Date.parse(message.at)));
      });
      sockets.push(one);
    }
  };
  await Promise.all(Array.from({ length: openingAtOnce }, (_, n) => openNext(n)));
  return sockets;
}

/** Changes the conversations in turn; answers how many changes, and how long it took. */
async function write(
  db: Database,
  subjects: readonly Subject[],
  { perSecond, seconds }: SocketsSize,
): Promise<{ events: number; ms: number }> {
  const began = performance.now();
  const events = Math.floor((perSecond * seconds) / subjects.length) * subjects.length;
  for (let n = 0; n < events; n += 1) {
    await sleep(Math.max(1, began + (n * 1_000) / perSecond - performance.now()));
    const { conversation } = subjects[n % subjects.length]!;
    await db.system((em) => runSql(em, 'update conversations set pinned = not pinned where id = ?', [conversation]));
  }
  return { events, ms: performance.now() - began };
}

/** A reader that takes nothing of many large events, until it is closed, and then resumes. Its close code, and what it missed. */
async function slowReader(url: string, { key, tenant, account }: Subject, db: Database): Promise<[number, number]> {
  const query = { types: 'account.updated' };
  const live: LiveReader = await openSocket({ url, key, query });
  await live.until((got) => got.length > 0);
  const start = live.got[0]!.id;
  live.pause();
  await db.system((em) =>
    runSql(
      em,
      `insert into events (tenant_id, stamp, seq, account_id, type, data, at)
       select ?, event_stamp(), nextval('events_seq'), ?, 'account.updated',
         jsonb_build_object('changed', jsonb_build_array(repeat('x', ?::int))), now() from generate_series(1, ?::int)`,
      [tenant, account, large.bytes, large.events],
    ),
  );
  // Longer than SOCKET_PATIENCE_SECONDS.
  await sleep(20_000);
  live.resume();
  const { code } = await live.ended;
  const ids = new Set(live.events().map(({ id }) => id));
  const again = await openSocket({ url, key, query: { ...query, last_event_id: [...ids].at(-1) ?? start } });
  const isComplete = async (): Promise<boolean> => {
    for (const { id } of again.events()) ids.add(id);
    return ids.size >= large.events;
  };
  await eventually('the rest', isComplete, 60_000).catch(() => undefined);
  again.stop();
  return [code, large.events - ids.size];
}

import type pg from 'pg';
import { openDatabase, type Database } from '../db/connect.ts';
import type { Report } from '../dev/parts/progress.ts';
import { createLog } from '../platform/log.ts';
import { claimMarked, countMarked } from '../services/analytics/count-marked.ts';
import { loadConfig } from '../services/boot.ts';
import { faster, informative, median, noSlower, type Row } from './row.ts';
import { startBenchStack, type BenchStack } from './stack.ts';

interface Options {
  /** How many messages there are, one measurement after the other. */
  sizes: readonly number[];
  runs: number;
}

/** Of each account, whatever the size: only the number of accounts grows. */
const perAccount = { days: 100, messagesOfDay: 100, conversations: 50 };
const messagesOfAccount = perAccount.days * perAccount.messagesOfDay;
const fillAtOnce = 500_000;
/** The most that an hour may cost at the largest size, of its cost at the smallest. */
const growth = 1.5;
/** The most that marks may cost a writer, of its time without. */
const markCost = 1.1;
const written = { transactions: 300, messages: 10 };

/** What counting a changed hour takes beside so many messages, against a `group by` over all of them; and what marks cost writers. */
export async function analytics({ sizes, runs }: Options, report: Report, signal: AbortSignal): Promise<Row[]> {
  const stack = await startBenchStack({ RATE_LIMIT_PER_MINUTE: '1000000' }, report, signal);
  const db = await openDatabase(stack.settings['DATABASE_URL'] ?? '', { pool: { app: 1, system: 2 } });
  try {
    const { rows: tenants } = await stack.admin.query<{ id: string }>('select id from tenants limit 1');
    const tenant = tenants[0]?.id ?? '';
    const count = counterOf(db, stack);
    const rows: Row[] = [];
    const hours: number[] = [];
    let have = 0;
    for (const size of sizes) {
      have = await fill(stack.admin, tenant, have, size, report, signal);
      const whole = await countWhole(stack.admin, count);
      const group = await timed(() => stack.admin.query(groupBy));
      rows.push(
        faster(`counting ${have} messages from nothing: messages/s`, have / whole, 'group by', have / group, null),
      );
      const hour = await changedHour(stack.admin, count, runs, 1);
      hours.push(hour);
      rows.push(faster(`one changed hour at ${have} messages: 1/s`, 1 / hour, 'group by', 1 / group, 1));
      const many = Math.min(100, have / messagesOfAccount);
      const seconds = await changedHour(stack.admin, count, runs, many);
      rows.push(
        informative(
          `a changed hour of ${many} accounts at ${have} messages: ms`,
          seconds * 1_000,
          'group by',
          group * 1_000,
        ),
      );
      rows.push(
        informative(`GET /analytics/daily of 30 days at ${have} messages: ms`, await readTime(stack, runs), '', null),
      );
    }
    const [first = 0, last = 0] = [hours.at(0), hours.at(-1)];
    if (hours.length > 1)
      rows.push(
        noSlower(
          `one changed hour at ${sizes.at(-1)} messages: ms`,
          last * 1_000,
          `at ${sizes[0]}`,
          first * 1_000,
          growth,
        ),
      );
    rows.push(await writerCost(stack.admin, tenant, runs));
    return rows;
  } finally {
    await db.close();
    await stack.stop();
  }
}

const timed = async (work: () => Promise<unknown>): Promise<number> => {
  const began = performance.now();
  await work();
  return (performance.now() - began) / 1_000;
};

/** What is asked where nothing is counted before. */
const groupBy = `
  select m.account_id, (m.sent_at at time zone t.time_zone)::date, count(*), count(*) filter (where direction = 'in'),
    count(*) filter (where direction = 'out'), count(distinct conversation_id)
  from messages m join tenants t on t.id = m.tenant_id where m.event is null and m.deleted_at is null group by 1, 2`;

/** Counts all that is marked, as the worker's activity does; answers the seconds. */
function counterOf(db: Database, { settings }: BenchStack): () => Promise<number> {
  const context = { db, config: loadConfig(settings), log: createLog('bench', 'silent') };
  const counting = {
    now: new Date(),
    isOver: () => false,
    signal: new AbortController().signal,
    beat: () => undefined,
  };
  return () =>
    timed(async () => {
      const claim = await claimMarked(context, counting);
      if (claim === null) throw new Error('a transaction stays open');
      const { failed } = await countMarked(context, claim, counting);
      if (failed) throw new Error(`${failed} accounts could not be counted`);
    });
}

const id = (kind: string, n: string): string =>
  `('a${kind}000000-0000-7000-8000-' || lpad(to_hex(${n}), 12, '0'))::uuid`;

/** Adds accounts until there are so many messages; answers how many. Every fifth message is an answer. */
async function fill(
  admin: pg.Client,
  tenant: string,
  have: number,
  size: number,
  report: Report,
  signal: AbortSignal,
): Promise<number> {
  const accounts = Math.max(1, Math.ceil(size / messagesOfAccount));
  const before = have / messagesOfAccount;
  const { conversations, messagesOfDay } = perAccount;
  await admin.query("set session_replication_role = 'replica'; set synchronous_commit = off");
  await admin.query(
    `insert into accounts (id, tenant_id, provider, channel, owner, metadata, state, who, since, method, reported_since,
       created_at, updated_at)
     select ${id('a', 'n')}, '${tenant}', 'unipile', 'whatsapp', 'owner-' || n % 100, '{}', 'disconnected', 'nobody', now(),
       'qr', false, now(), now() from generate_series(${before}, ${accounts - 1}) n`,
  );
  await admin.query(
    `insert into conversations (id, tenant_id, account_id, provider_conversation_id, kind, unread_count, marked_unread, muted,
       archived, pinned, read_only, labels, created_at, updated_at)
     select ${id('d', 'n')}, '${tenant}', ${id('a', `n / ${conversations}`)}, 'chat-' || n, 'person', 0, false, false, false,
       false, false, '{}', now(), now()
     from generate_series(${before * conversations}, ${accounts * conversations - 1}) n`,
  );
  const end = accounts * messagesOfAccount;
  for (let from = have; from < end && !signal.aborted; from += fillAtOnce) {
    const to = Math.min(from + fillAtOnce, end) - 1;
    await admin.query(
      `insert into messages (id, tenant_id, account_id, conversation_id, sort_key, direction, text, versions, status, sent_at,
         sent_at_known, deletion_confirmed, told_by, is_live, reactions, created_at, updated_at)
       select ${id('e', 'm')}, '${tenant}', ${id('a', `m / ${messagesOfAccount}`)},
         ${id('d', `m / ${messagesOfAccount} * ${conversations} + m % ${conversations}`)}, m::text,
         case when m % 5 = 0 then 'out' else 'in' end, 'hello', '[]', 'sent',
         date_trunc('day', now()) - interval '1 day' * (m % ${messagesOfAccount} / ${messagesOfDay})
           + interval '10 minutes' * (m % ${messagesOfDay}),
         true, false, 'webhook', true, '[]', now(), now()
       from generate_series(${from}::bigint, ${to}::bigint) m`,
    );
    report(`${to + 1} messages are there`);
  }
  await admin.query("set session_replication_role = 'origin'; set synchronous_commit = on");
  await admin.query('vacuum (analyze)');
  return end;
}

/** Has every account counted whole. */
async function countWhole(admin: pg.Client, count: () => Promise<number>): Promise<number> {
  await count();
  await admin.query('truncate account_days, conversation_days');
  await admin.query(
    `insert into analytics_marks (tenant_id, account_id, hour, marked_at)
     select tenant_id, id, '-infinity', now() from accounts`,
  );
  const seconds = await count();
  await admin.query('vacuum (analyze) account_days, conversation_days, analytics_marks');
  return seconds;
}

/** The median of the seconds that an hour takes in which one message of each of these accounts was deleted or came back. */
async function changedHour(
  admin: pg.Client,
  count: () => Promise<number>,
  runs: number,
  accounts: number,
): Promise<number> {
  const took: number[] = [];
  for (let run = 0; run < runs + 1; run += 1) {
    await admin.query(
      `update messages set deleted_at = case when deleted_at is null then now() end
       where id = any(select ${id('e', `n * ${messagesOfAccount} + 151`)} from generate_series(0, ${accounts - 1}) n)`,
    );
    const seconds = await count();
    // The first one warms up.
    if (run > 0) took.push(seconds);
  }
  return median(took);
}

async function readTime({ api }: BenchStack, runs: number): Promise<number> {
  const took: number[] = [];
  for (let run = 0; run < runs; run += 1) took.push(await timed(() => api('GET', '/analytics/daily?by=channel')));
  return median(took) * 1_000;
}

/** Transactions a second of a writer of messages, with the triggers that mark and without. In turns, so that both see the same. */
async function writerCost(admin: pg.Client, tenant: string, runs: number): Promise<Row> {
  const write = (): Promise<number> =>
    timed(async () => {
      for (let n = 0; n < written.transactions; n += 1)
        await admin.query(
          `insert into messages (id, tenant_id, account_id, conversation_id, sort_key, direction, text, versions, status,
             sent_at, sent_at_known, deletion_confirmed, told_by, is_live, reactions, created_at, updated_at)
           select gen_random_uuid(), '${tenant}', ${id('a', '0')}, ${id('d', 'n')}, n::text, 'in', 'hello', '[]', 'sent', now(),
             true, false, 'webhook', true, '[]', now(), now() from generate_series(1, ${written.messages}) n`,
        );
    });
  const took = { with: [] as number[], without: [] as number[] };
  await admin.query('set synchronous_commit = off');
  for (let run = 0; run < 2 * runs + 2; run += 1) {
    const marks = run % 2 === 0;
    await admin.query(`alter table messages ${marks ? 'enable' : 'disable'} trigger mark_insert`);
    const seconds = await write();
    if (run > 1) took[marks ? 'with' : 'without'].push(seconds);
  }
  await admin.query('alter table messages enable trigger mark_insert; set synchronous_commit = on');
  const perWrite = (1_000 * 1_000) / written.transactions;
  return noSlower(
    `writing ${written.messages} messages with marks: µs`,
    median(took.with) * perWrite,
    'without marks',
    median(took.without) * perWrite,
    markCost,
  );
}

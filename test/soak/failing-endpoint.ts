import { setTimeout as sleep } from 'node:timers/promises';
import { quantile } from '../../bench/webhooks/load.ts';
import { openDatabase, type Database } from '../../db/connect.ts';
import { databaseUrlOf } from '../../dev/parts/postgres-roles.ts';
import { changesOf, upTo } from '../outgoing/fixture.ts';
import { startReceiver, type Receiver } from '../outgoing/receiver.ts';
import { eventually } from '../support/eventually.ts';
import { startRealStack, type RealStack } from '../support/real-stack.ts';
import { runSql } from '../support/run-sql.ts';
import { seedMessages } from '../support/seed-messages.ts';
import type { Row } from './assertions.ts';

export interface EndpointsSize {
  conversations: number;
  /** Changes of all conversations in a second, and for how many seconds in each phase. */
  perSecond: number;
  seconds: number;
}

/** How long the failing endpoint is down by the stack's clock, in seconds. */
const downSeconds = 3_600;

/** An endpoint that is down for an hour of the clock, then refuses each third delivery, then hangs; and a healthy one beside it. */
export async function failingEndpoint(size: EndpointsSize, report: (text: string) => void): Promise<Row[]> {
  const real = await startRealStack({ RATE_LIMIT_PER_MINUTE: '1000000' });
  const { database_url: url } = real.stack.describe();
  // Events are as old as the stack's clock says: one that is ahead would take new ones for old.
  const clock = { aheadMs: 0 };
  const now = (): Date => new Date(Date.now() + clock.aheadMs);
  const advance = async (seconds: number): Promise<void> => {
    await real.control.post('/clock', { advance_seconds: seconds });
    clock.aheadMs += seconds * 1_000;
  };
  const db = await openDatabase(databaseUrlOf(real.home, url, 'superuser'), { pool: { app: 1, system: 4 }, now });
  const [failing, healthy] = [await startReceiver(), await startReceiver()];
  try {
    const conversations = await makeConversations(real, db, size.conversations);
    for (const { url: address } of [failing, healthy]) {
      const made = await real.api.post('/api/v1/webhook-endpoints', {
        url: address,
        types: ['conversation.updated'],
      });
      if (made.status !== 201) throw new Error(JSON.stringify(made.body));
    }
    const writer = createWriter(db, conversations, size);
    const waits = watch(healthy, writer);
    const phases: Record<string, [answer: Receiver['answer'], passes: number]> = {
      down: [(_received, response) => void response.destroy(), downSeconds],
      'each third refused': [everyThirdRefused(), 0],
      hanging: [() => undefined, 0],
    };
    const rows: Row[] = [];
    for (const [name, [answer, passes]] of Object.entries(phases)) {
      failing.answer = answer;
      const from = waits.length;
      await Promise.all([writer.write(), passTime(advance, passes, size.seconds)]);
      await eventually('the healthy endpoint', async () => waits.length === writer.written(), 60_000).catch(() => null);
      const sorted = waits.slice(from).toSorted((a, b) => a - b);
      const [p50, p95] = [quantile(sorted, 0.5), quantile(sorted, 0.95)].map(Math.round) as [number, number];
      report(`${name}: the healthy endpoint had ${sorted.length} events after p50 ${p50} ms, p95 ${p95} ms`);
      rows.push(row(`${name}: p95 of the healthy endpoint, ms`, '< 1000', `${p95}`, sorted.length > 0 && p95 < 1_000));
    }
    failing.answer = (_received, response) => void response.writeHead(204).end();
    const all = writer.written();
    await eventually(
      'the failing endpoint to have everything',
      async () => {
        await advance(60);
        await sleep(500);
        return failing.taken().length >= all;
      },
      240_000,
    ).catch(() => undefined);
    for (const [name, receiver] of Object.entries({ failing, healthy })) {
      const taken = receiver.taken().length;
      const orders = changesOf(receiver, conversations);
      const inOrder = conversations.filter((id, n) => String(orders[n]) === String(upTo(writer.changes(id)))).length;
      rows.push(
        row(`${name}: events with an id of their own`, `${all}`, `${taken}`, taken === all),
        row(`${name}: conversations in order`, `${size.conversations}`, `${inOrder}`, inOrder === size.conversations),
      );
    }
    return rows;
  } finally {
    await Promise.all([failing.close(), healthy.close(), db.close()]);
    await real.stop();
  }
}

const row = (what: string, expected: string, found: string, ok: boolean): Row => ({ what, expected, found, ok });

function everyThirdRefused(): Receiver['answer'] {
  let n = 0;
  return (_received, response) => void response.writeHead((n += 1) % 3 ? 204 : 500).end();
}

/** Moves the stack's clock by `passes` seconds, in steps that are spread over `seconds`. */
async function passTime(advance: (seconds: number) => Promise<void>, passes: number, seconds: number): Promise<void> {
  for (let n = 0; passes && n < seconds; n += 1) {
    await advance(Math.ceil(passes / seconds));
    await sleep(1_000);
  }
}

async function makeConversations(real: RealStack, db: Database, count: number): Promise<string[]> {
  const body = { provider: 'unipile', channel: 'whatsapp', owner: 'kim' };
  const { account } = (await real.api.post('/api/v1/accounts', body)).body;
  return db.system((em) =>
    seedMessages(em, account.id, (to) => Array.from({ length: count }, () => to.conversation({ unreadCount: 0 }).id)),
  );
}

interface Writer {
  /** Changes of all conversations until now. */
  written(): number;
  /** Changes of one conversation. */
  changes(id: string): number;
  /** Milliseconds since a change was committed; 0 where its event came before the answer of the commit. */
  since(id: string, change: number): number;
  /** Changes conversations in turn, for the seconds of a phase. */
  write(): Promise<void>;
}

/** `unread_count` of the events counts the changes of each conversation. */
function createWriter(db: Database, conversations: readonly string[], { perSecond, seconds }: EndpointsSize): Writer {
  const counts = new Map<string, number>();
  const committedAt = new Map<string, number>();
  return {
    written: () => committedAt.size,
    changes: (id) => counts.get(id) ?? 0,
    since: (id, change) => {
      const now = performance.now();
      return now - (committedAt.get(`${id} ${change}`) ?? now);
    },
    write: async () => {
      const began = performance.now();
      for (let n = 0; n < perSecond * seconds; n += 1) {
        await sleep(Math.max(1, began + (n * 1_000) / perSecond - performance.now()));
        const id = conversations[n % conversations.length]!;
        const sql = 'update conversations set unread_count = unread_count + 1, pinned = not pinned where id = ?';
        await db.system((em) => runSql(em, sql, [id]));
        const count = (counts.get(id) ?? 0) + 1;
        counts.set(id, count);
        committedAt.set(`${id} ${count}`, performance.now());
      }
    },
  };
}

/** Collects how long each event took to the receiver, in milliseconds. */
function watch(receiver: Receiver, writer: Writer): number[] {
  const waits: number[] = [];
  receiver.answer = ({ event }, response) => {
    waits.push(writer.since(event.data.conversation_id, event.data.unread_count));
    response.writeHead(204).end();
  };
  return waits;
}

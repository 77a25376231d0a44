import { openDatabase, type Database, type Em } from '../../db/connect.ts';
import { Tenant } from '../../db/entities/tenants.ts';
import { connect, startTestApi, type TestApi } from '../api/support.ts';
import { runSql } from '../support/run-sql.ts';
import { seedMessages } from '../support/seed-messages.ts';
import { openSocket, openStream, type OpenLive, type Told } from './live-readers.ts';
import { readResuming } from './resuming-reader.ts';
import { settled } from './settled.ts';
import { eventIds, writeChanges } from './writers.ts';

const size = { writers: 8, transactionsOfWriter: 15, changesAtOnce: 24, restMs: 4 };
const readers = { polls: 6, streams: 7, sockets: 7 };
const conversations = 5;

let api: TestApi;
let db: Database;
let tenant: string;
let account: string;
let chats: string[];

beforeAll(async () => {
  api = await startTestApi();
  db = await openDatabase(api.database.url, { pool: { app: size.writers, system: 1 } });
  account = (await connect(api.client)).account.id;
  await api.context.db.system(async (em) => {
    tenant = (await em.findOneOrFail(Tenant, { name: 'ours' })).id;
    chats = await seedMessages(em, account, (to) =>
      Array.from({ length: conversations }, () => to.conversation({}).id),
    );
  });
});
afterAll(async () => {
  await db?.close();
  await api?.stop();
});

const random = (below: number): number => Math.floor(Math.random() * below);

interface Change {
  id: string;
  data?: any;
}

/** Reads from the cursor until `over` and the end; now and then it forgets its last answers, and resumes before them. */
async function read(start: string, over: () => boolean): Promise<Change[]> {
  const seen: Change[] = [];
  for (let next = start; ;) {
    const last = over();
    const filter = random(2) ? '&types=conversation.updated,message.created' : '';
    const { status, body } = await api.client.get(
      `/api/v1/events?after=${next}&limit=${1 + random(200)}&wait=${2 * random(2)}${filter}`,
    );
    // On a busy machine the database may answer too late: a reader asks again.
    if (status === 503) continue;
    expect(status).toBe(200);
    if (last && !body.items.length) return seen;
    if (random(6) === 0) {
      seen.length -= random(Math.min(seen.length, 40));
      next = seen.at(-1)?.id ?? start;
    } else {
      seen.push(...body.items);
      next = body.next;
    }
  }
}

it('misses no event, doubles none and keeps the order of each conversation, whenever writers commit', async () => {
  await settled(api);
  const start = (await api.client.get('/api/v1/events?after=now')).body.next;
  let isWritten = false;
  let last: string | null = null;
  const writeAll = async (): Promise<number> => {
    try {
      const committed = await writeChanges(db, tenant, chats, size);
      await settled(api);
      last = (await eventIds(db, tenant, start)).at(-1) ?? start;
      return committed;
    } finally {
      isWritten = true;
      last ??= '';
    }
  };
  const resuming = (open: OpenLive): Promise<Told[]> =>
    readResuming({
      keep: (event) => event,
      open,
      url: () => api.url,
      key: api.client.key,
      start,
      most: 300,
      last: () => last,
    });
  const writing = writeAll();
  const reading = Promise.all<Change[]>([
    ...Array.from({ length: readers.polls }, () => read(start, () => isWritten)),
    ...Array.from({ length: readers.streams }, () => resuming(openStream)),
    ...Array.from({ length: readers.sockets }, () => resuming(openSocket)),
  ]);
  const committed = await writing;
  const all = await reading;
  for (const seen of all) {
    expect(seen.length).toBe(committed);
    expect(new Set(seen.map(({ id }) => id)).size).toBe(committed);
    expect(seen.map(({ id }) => id)).toEqual(seen.map(({ id }) => id).toSorted());
    for (const chat of chats) {
      const counts = seen.filter(({ data }) => data.conversation_id === chat).map(({ data }) => data.unread_count);
      expect(counts).toEqual(counts.map((_, n) => n + 1));
    }
  }
}, 240_000);

it('shows nothing of a transaction that is open, nor anything after it, and both once it ends', async () => {
  await settled(api);
  const start = (await api.client.get('/api/v1/events?after=now')).body.next;
  const events = async () => (await api.client.get(`/api/v1/events?after=${start}`)).body;
  const touch = (em: Em, chat: string) =>
    runSql(em, 'update conversations set archived = not archived where id = ?', [chat]);
  const [one, other] = chats as [string, string];
  const written = Promise.withResolvers<void>();
  const end = Promise.withResolvers<void>();
  const open = db.tenant(tenant, async (em) => {
    await touch(em, one);
    written.resolve();
    await end.promise;
  });
  await written.promise;
  await api.context.db.system((em) => touch(em, other));
  expect(await events()).toEqual({ items: [], next: start });
  end.resolve();
  await open;
  await settled(api);
  const { items } = await events();
  expect(items.map((item: Change) => item.data.conversation_id)).toEqual([one, other]);
});

import { openDatabase, type Database } from '../../db/connect.ts';
import { Tenant } from '../../db/entities/tenants.ts';
import { startApiProcess } from '../api/process.ts';
import { connect, startTestApi, type TestApi } from '../api/support.ts';
import { seedMessages } from '../support/seed-messages.ts';
import { openSocket, openStream } from './live-readers.ts';
import { readResuming } from './resuming-reader.ts';
import { settled } from './settled.ts';
import { eventIds, writeChanges } from './writers.ts';

const kills = 2;
const readers = [openStream, openSocket, openStream, openSocket];
const size = { writers: 4, transactionsOfWriter: 10, changesAtOnce: 20, restMs: 20 };

let api: TestApi;
let db: Database;
beforeAll(async () => {
  api = await startTestApi();
  db = await openDatabase(api.database.url, { pool: { app: size.writers, system: 1 } });
});
afterAll(async () => {
  await db?.close();
  await api?.stop();
});

it('readers miss no event and have none twice while the API is killed', async () => {
  const { account } = await connect(api.client);
  const { id: tenant } = await api.context.db.system((em) => em.findOneOrFail(Tenant, { name: 'ours' }));
  const chats = await api.context.db.system((em) =>
    seedMessages(em, account.id, (to) => Array.from({ length: 3 }, () => to.conversation({}).id)),
  );
  await settled(api);
  const start = (await api.client.get('/api/v1/events?after=now')).body.next;
  let last: string | null = null;
  let running = await startApiProcess(api);
  try {
    const reading = Promise.all(
      readers.map((open) =>
        readResuming({
          keep: ({ id }) => ({ id }),
          open: (way) => open(way),
          url: () => running.url,
          key: api.client.key,
          start,
          most: 200,
          last: () => last,
        }),
      ),
    );
    // What is written while the API is down is read from the next one, and so is the end.
    for (let n = 0; n < kills; n += 1) {
      await writeChanges(db, tenant, chats, size);
      await Promise.all([running.kill(), writeChanges(db, tenant, chats, size)]);
      running = await startApiProcess(api);
    }
    await settled(api);
    const written = await eventIds(db, tenant, start);
    last = written.at(-1)!;
    for (const seen of await reading) expect(seen.map(({ id }) => id)).toEqual(written);
  } finally {
    last ??= '';
    await running.stop();
  }
}, 240_000);

import { setTimeout as pause } from 'node:timers/promises';
import { openDatabase, type Database } from '../../db/connect.ts';
import { Tenant } from '../../db/entities/tenants.ts';
import { oneOfEach } from '../api/fixture.ts';
import { connect, startTestApi, type TestApi } from '../api/support.ts';
import type { ApiClient } from '../support/client.ts';
import { eventually } from '../support/eventually.ts';
import { runSql } from '../support/run-sql.ts';
import { seedMessages } from '../support/seed-messages.ts';

const writers = 6;
const readers = 4;
/** Of each writer, every one of them changed once. */
const rowsOfEach = 40;
/** How long a writer waits before it commits, at most, in milliseconds. */
const mostMs = 60;

let api: TestApi;
let db: Database;
beforeAll(async () => {
  api = await startTestApi();
  db = await openDatabase(api.database.url, { pool: { app: writers, system: 1 } });
});
afterAll(async () => {
  await db?.close();
  await api?.stop();
});

const system = <T>(statement: string, params: readonly unknown[] = []): Promise<T[]> =>
  api.context.db.system((em) => runSql<T>(em, statement, params));

type List = 'accounts' | 'contacts' | 'conversations' | 'messages';

interface Answer {
  items: any[];
  until: string;
}

/** All pages of what changed. */
async function changedSince(client: ApiClient, list: List, since: string, more = ''): Promise<Answer> {
  const items: any[] = [];
  for (let cursor = ''; ;) {
    const { status, body } = await client.get(`/api/v1/${list}?updated_since=${since}${more}${cursor}`);
    expect({ status, body }).toMatchObject({ status: 200, body: { updated_until: expect.stringMatching(/Z$/) } });
    items.push(...body.items);
    if (body.next_cursor === null) return { items, until: body.updated_until };
    cursor = `&cursor=${body.next_cursor}`;
  }
}

const idsOf = ({ items }: Answer): string[] => items.map(({ id }) => id);

/** A moment after all that was changed so far: transactions of other tests on the server may take their time. */
const quietMoment = (client: ApiClient, list: List): Promise<string> =>
  eventually('a moment without open transactions', async () => {
    const { until } = await changedSince(client, list, new Date().toISOString());
    return (await changedSince(client, list, until)).items.length ? null : until;
  });

describe('updated_since', () => {
  const changes: Record<List, (ids: Awaited<ReturnType<typeof oneOfEach>>, client: ApiClient) => Promise<unknown>> = {
    accounts: ({ account }, client) => client.patch(`/api/v1/accounts/${account}`, { label: 'Sales' }),
    contacts: ({ contact }, client) => client.patch(`/api/v1/contacts/${contact}`, { company: 'Acme' }),
    conversations: ({ conversation }, client) =>
      client.patch(`/api/v1/conversations/${conversation}`, { archived: true }),
    messages: ({ message }) => system("update messages set status = 'read' where id = ?", [message]),
  };

  it.each(Object.keys(changes) as List[])('tells the %s that changed, and those that are new', async (list) => {
    const client = await api.clientOf(`with ${list}`);
    const begin = await quietMoment(client, list);
    const ids = await oneOfEach(api, client);
    const made = await changedSince(client, list, begin);
    const name = list.slice(0, -1) as 'account' | 'contact' | 'conversation' | 'message';
    expect(idsOf(made)).toContain(ids[name]);
    const next = await quietMoment(client, list);
    await changes[list](ids, client);
    const changed = await changedSince(client, list, next);
    expect(idsOf(changed)).toEqual([ids[name]]);
    const shown = (await client.get(`/api/v1/${list}/${ids[name]}`)).body;
    expect(shown).toMatchObject(changed.items[0]);
    expect(idsOf(await changedSince(client, list, next, `&account=${ids.account}`))).toEqual([ids[name]]);
    expect(idsOf(await changedSince(api.client, list, next))).not.toContain(ids[name]);
    const elsewhere = (await connect(client)).account.id;
    expect(idsOf(await changedSince(client, list, next, `&account=${elsewhere}`))).not.toContain(ids[name]);
  });

  it('lists rows that were merged, and leaves out changes that no answer shows', async () => {
    const client = await api.clientOf('that merges');
    const { account, contact, twin } = await oneOfEach(api, client);
    const begin = await quietMoment(client, 'contacts');
    expect((await client.post('/api/v1/contacts/merge', { contact_ids: [contact, twin] })).status).toBe(200);
    const { items } = await changedSince(client, 'contacts', begin);
    const merged = items.filter(({ merged_into: into }) => into !== null);
    expect(merged).toHaveLength(1);
    expect(new Set([merged[0].id, merged[0].merged_into])).toEqual(new Set([contact, twin]));
    const next = await quietMoment(client, 'accounts');
    await system("update accounts set check_due_at = now() + interval '1 minute' where id = ?", [account]);
    expect((await changedSince(client, 'accounts', next)).items).toEqual([]);
  });

  it('has pages, whatever a filter leaves out', async () => {
    const client = await api.clientOf('with pages');
    const begin = await quietMoment(client, 'conversations');
    const { account } = (await connect(client)) as { account: { id: string } };
    const ids = await api.context.db.system((em) =>
      seedMessages(em, account.id, (to) =>
        Array.from({ length: 7 }, (_, n) => to.conversation({ labels: n % 3 ? [] : ['vip'] }).id),
      ),
    );
    expect(idsOf(await changedSince(client, 'conversations', begin, '&limit=2')).toSorted()).toEqual(ids.toSorted());
    const vip = idsOf(await changedSince(client, 'conversations', begin, '&limit=2&label=vip'));
    expect(vip.toSorted()).toEqual(ids.filter((_, n) => n % 3 === 0).toSorted());
    const linkedin = await changedSince(client, 'conversations', begin, '&channel=linkedin&unread=false&limit=3');
    expect(linkedin.items).toEqual([]);
  });

  it('does not pass a change that is not committed yet', async () => {
    const client = await api.clientOf('with a slow writer');
    const [{ conversation }, { conversation: other }] = [await oneOfEach(api, client), await oneOfEach(api, client)];
    const { id: tenant } = await api.context.db.system((em) =>
      em.findOneOrFail(Tenant, { name: 'with a slow writer' }),
    );
    const begin = await quietMoment(client, 'conversations');
    const written = Promise.withResolvers<void>();
    const end = Promise.withResolvers<void>();
    const open = db.tenant(tenant, async (em) => {
      await runSql(em, 'update conversations set unread_count = 9 where id = ?', [conversation]);
      written.resolve();
      await end.promise;
    });
    await written.promise;
    // A later change that is committed is told, and moves the reader no further.
    const readMeanwhile = async (): Promise<Answer> => {
      try {
        await client.patch(`/api/v1/conversations/${other}`, { archived: true });
        return await changedSince(client, 'conversations', begin);
      } finally {
        end.resolve();
        await open;
      }
    };
    const meanwhile = await readMeanwhile();
    expect([idsOf(meanwhile), meanwhile.until]).toEqual([[other], begin]);
    const after = await changedSince(client, 'conversations', meanwhile.until);
    expect(after.items).toMatchObject([
      { id: conversation, unread_count: 9 },
      { id: other, archived: true },
    ]);
  });

  it.each(['then', '2026-01-01'])('refuses %s', async (time) => {
    const { status, body } = await api.client.get(`/api/v1/messages?updated_since=${time}`);
    expect([status, body.code]).toEqual([422, 'invalid_request']);
  });

  it('refuses a cursor of another list', async () => {
    const cursor = Buffer.from('{}').toString('base64url');
    const { status } = await api.client.get(`/api/v1/accounts?updated_since=2026-01-01T00:00:00Z&cursor=${cursor}`);
    expect(status).toBe(422);
  });
});

const random = (below: number): number => Math.floor(Math.random() * below);

it('misses no change, whenever its writer commits', async () => {
  const client = await api.clientOf('of writers');
  const { account } = (await connect(client)) as { account: { id: string } };
  const begin = await quietMoment(client, 'messages');
  const { id: tenant } = await api.context.db.system((em) => em.findOneOrFail(Tenant, { name: 'of writers' }));
  const own = await api.context.db.system((em) =>
    seedMessages(em, account.id, (to) => {
      const conversation = to.conversation({});
      return Array.from({ length: writers }, () =>
        Array.from({ length: rowsOfEach }, () => to.message(conversation, { text: 'new' }).id),
      );
    }),
  );
  const write = async (ids: readonly string[]): Promise<void> => {
    for (const id of ids)
      await db.tenant(tenant, async (em) => {
        if (random(2)) await em.execute('select pg_current_xact_id()');
        await pause(random(5));
        await runSql(em, "update messages set text = 'changed' where id = ?", [id]);
        await pause(random(mostMs));
      });
  };
  let isWritten = false;
  /** Goes on from each answer's `updated_until`; its last answer is asked for once all is written. */
  const read = async (): Promise<Map<string, string>> => {
    const seen = new Map<string, string>();
    for (let since = begin; ;) {
      const isLast = isWritten;
      const { items, until } = await changedSince(client, 'messages', since, `&limit=${20 + random(100)}`);
      for (const { id, text } of items) seen.set(id, text);
      if (isLast) return seen;
      since = until;
    }
  };
  const reading = Promise.all(Array.from({ length: readers }, read));
  await Promise.all(own.map(write)).finally(() => {
    isWritten = true;
  });
  const expected = new Map(own.flat().map((id) => [id, 'changed']));
  for (const seen of await reading) expect(seen).toEqual(expected);
}, 120_000);

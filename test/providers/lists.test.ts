import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { ContactReader, ProviderCall } from '../../providers/provider.ts';
import { everyItem } from '../../providers/unipile/client.ts';
import { listSessions } from '../../providers/wasender/account-object.ts';
import { wasender } from '../../providers/wasender/index.ts';

/** Answers each request with the next of these bodies; the last one again and again. */
let bodies: object[] = [];
let asked: string[] = [];
let server: Server;
let call: ProviderCall;
beforeAll(async () => {
  server = createServer((request, response) => {
    asked.push(request.url ?? '');
    const body = bodies.length > 1 ? bodies.shift() : bodies[0];
    response.setHeader('content-type', 'application/json').end(JSON.stringify(body));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  call = {
    settings: { api_token: '1|token', base_url: base, dsn: base, access_token: 'token' },
    channel: 'whatsapp',
    providerAccountId: '1',
    keys: { apiKey: 'key' },
    now: Date.now(),
    reach: 'any',
  };
});
beforeEach(() => {
  asked = [];
});
afterAll(() => server?.close());

const contacts = wasender.contacts as ContactReader;
const [one, two] = [{ id: '33639980001@s.whatsapp.net' }, { id: '33639980002@s.whatsapp.net' }];
const unavailable = expect.objectContaining({ code: 'provider_unavailable' });

describe('an address book', () => {
  it.each<[string, unknown]>([
    ['null', null],
    ['no items', []],
    ['null items', { items: null, pagination: { totalPages: 1 } }],
    ['null in a page of Laravel', { data: null, last_page: 1 }],
    ['an empty object', {}],
  ])('that is %s is empty', async (_, data) => {
    bodies = [{ success: true, data }];
    const empty = { contacts: [], delivered: 0, cursor: null };
    expect(await contacts.all(call)).toEqual(empty);
    expect(await contacts.page(call, null)).toEqual(empty);
  });

  it.each<[string, object]>([
    ['no data', { success: true }],
    ['a text', { success: true, data: 'none' }],
  ])('that is %s is none', async (_, body) => {
    bodies = [body];
    await expect(contacts.all(call)).rejects.toEqual(unavailable);
    await expect(contacts.page(call, null)).rejects.toEqual(unavailable);
  });

  it.each<[string, (more: boolean) => object, string]>([
    ['the number of pages', (more) => ({ pagination: { totalPages: more ? 2 : 1 } }), 'items'],
    ['a last page', (more) => ({ last_page: more ? 2 : 1 }), 'data'],
    ['that there is more', (more) => ({ pagination: { hasMore: more } }), 'items'],
    ['a next page', (more) => ({ next_page_url: more ? 'https://wasender.example/2' : null }), 'data'],
  ])('is read on after an empty page that says %s', async (_, says, name) => {
    for (const empty of [[], null]) {
      const pages = [
        { success: true, data: { [name]: empty, ...says(true) } },
        {
          success: true,
          data: { [name]: [two], ...(name === 'data' && says(false)), ...(name === 'items' && says(false)) },
        },
      ];
      const { last_page: last } = says(true) as { last_page?: number };
      const total = (says(true) as { pagination?: { totalPages?: number } }).pagination?.totalPages;
      if (last ?? total) pages[1] = { success: true, data: { [name]: [two], ...says(true) } };
      bodies = [...pages];
      const first = await contacts.page(call, null);
      expect([first.delivered, typeof first.cursor]).toEqual([0, 'string']);
      expect(await contacts.page(call, first.cursor)).toMatchObject({ delivered: 1, cursor: null });
      // Asked for at once, what is only a page is read to its end.
      bodies = [pages[0]!, ...pages];
      expect(await contacts.all(call)).toMatchObject({ contacts: [{ id: two.id }], delivered: 1, cursor: null });
    }
  });

  it('is read on where the envelope says that there is more', async () => {
    bodies = [
      { success: true, data: [], last_page: 2 },
      { success: true, data: [one], last_page: 2 },
    ];
    const { cursor } = await contacts.page(call, null);
    expect(await contacts.page(call, cursor)).toMatchObject({ delivered: 1, cursor: null });
  });
});

describe('sessions of WASender', () => {
  it.each<[string, object]>([
    ['null', { success: true, data: null }],
    ['null items', { success: true, data: { items: null } }],
  ])('that are %s are none', async (_, body) => {
    bodies = [body];
    expect(await listSessions(call)).toEqual([]);
  });

  it('are read page after page, also after an empty one', async () => {
    const page = (...ids: number[]) => ({
      success: true,
      data: { data: ids.map((id) => ({ id, status: 'connected' })), last_page: 3 },
    });
    bodies = [page(1), page(), page(2)];
    expect((await listSessions(call)).map(({ id }) => id)).toEqual(['1', '2']);
    expect(asked.map((path) => path.split('?')[1] ?? '')).toEqual(['', 'page=2', 'page=3']);
  });

  it('that never end are a failure', async () => {
    bodies = [{ success: true, data: { data: [{ id: 1, status: 'connected' }], next_page_url: '/again' } }];
    await expect(listSessions(call)).rejects.toEqual(unavailable);
  });
});

describe('a list of UniPile', () => {
  const all = async (): Promise<unknown[]> => {
    const items: unknown[] = [];
    for await (const item of everyItem(call, '/accounts')) items.push(item);
    return items;
  };

  it('with null for its items is empty, and read on where it says that there is more', async () => {
    bodies = [{ items: null, cursor: null }];
    expect(await all()).toEqual([]);
    bodies = [{ items: null, cursor: 'a' }, { items: [], cursor: 'b' }, { items: [one] }];
    expect(await all()).toEqual([one]);
  });

  it('without items is a failure', async () => {
    bodies = [{ object: 'AccountList' }];
    await expect(all()).rejects.toEqual(unavailable);
  });
});

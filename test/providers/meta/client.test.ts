import { createHmac } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { everyItem, graph, graphPage } from '../../../providers/meta/client.ts';
import type { ProviderCall } from '../../../providers/provider.ts';
import { failureOf, startPeer, type Peer } from '../unipile/peer.ts';
import { callTo } from './calls.ts';

let peer: Peer;
let asked: IncomingMessage[] = [];
beforeAll(async () => {
  peer = await startPeer();
});
beforeEach(() => {
  asked = [];
});
afterAll(() => peer?.close());

/** Answers each request with the next of these bodies; the last one again and again. */
const answers = (...bodies: object[]): void => {
  peer.answer = (response, request) => {
    asked.push(request);
    const body = bodies.length > 1 ? bodies.shift() : bodies[0];
    response.setHeader('content-type', 'application/json').end(JSON.stringify(body));
  };
};
const call = (keys: ProviderCall['keys'] = { apiKey: 'canary-token' }): ProviderCall =>
  callTo(peer.dsn, { providerAccountId: '101', keys });
const all = async (list: AsyncIterable<unknown>): Promise<unknown[]> => {
  const found = [];
  for await (const one of list) found.push(one);
  return found;
};

describe('a call', () => {
  it('has the version in its path, the token in a header alone, and a proof that the app uses the token', async () => {
    answers({ id: '101' });
    await graph({ ...call(), settings: { ...call().settings, api_version: 'v25.0' } }, 'GET', '/101', {
      query: { fields: 'id', after: undefined },
    });
    const [{ url = '', headers } = {} as IncomingMessage] = asked;
    const address = new URL(url, peer.dsn);
    expect(address.pathname).toBe('/v25.0/101');
    expect(Object.fromEntries(address.searchParams)).toEqual({
      fields: 'id',
      appsecret_proof: createHmac('sha256', 'sandbox-app-secret').update('canary-token').digest('hex'),
    });
    expect(url).not.toContain('canary');
    expect(headers.authorization).toBe('Bearer canary-token');
  });

  it('of an Instagram login has no proof', async () => {
    answers({ id: '17841' });
    await graph(call({ apiKey: 'canary-token', host: 'instagram' }), 'GET', '/me');
    expect(new URL(asked[0]?.url ?? '', peer.dsn).search).toBe('');
  });

  it('is not made without a token', async () => {
    answers({});
    expect(await failureOf(graph(call(null), 'GET', '/me'))).toMatchObject({ code: 'login_lost' });
    expect(asked).toEqual([]);
  });

  it('leads below the version, whatever the id', async () => {
    answers({});
    const { segment } = await import('../../../providers/meta/ids.ts');
    for (const id of ['a/b', 'a?b#c', 'aWdf+/=', '..%2f']) {
      await graph(call(), 'GET', `/${segment(id)}`);
      expect(new URL(asked.at(-1)?.url ?? '', peer.dsn).pathname.split('/')).toHaveLength(3);
    }
    for (const id of ['', '.', '..', null]) expect(() => segment(id)).toThrow(/cannot be an id/);
  });
});

describe('a list', () => {
  const next = (after: string, host = 'https://graph.facebook.com'): object => ({
    cursors: { before: 'B', after },
    next: `${host}/v26.0/101/conversations?access_token=canary&after=${after}`,
  });

  it('is read at our own address, page after page, and ends where no next one is named', async () => {
    answers(
      { data: [{ id: '1' }], paging: next('two') },
      { data: [], paging: next('three') },
      { data: [{ id: '2' }, 'odd', null], paging: { cursors: { after: 'more' } } },
    );
    expect(await all(everyItem(call(), '/101/conversations', { query: { limit: '2' } }))).toEqual([
      { id: '1' },
      { id: '2' },
    ]);
    const queries = asked.map(({ url }) => new URL(url ?? '', peer.dsn).searchParams);
    expect(queries.map((query) => [query.get('after'), query.get('limit')])).toEqual([
      [null, '2'],
      ['two', '2'],
      ['three', '2'],
    ]);
    expect(asked.every(({ url }) => url?.startsWith('/v26.0/101/conversations?'))).toBe(true);
  });

  it('never follows an address of another host, which would get the token', async () => {
    const thief = await startPeer();
    const stolen: string[] = [];
    thief.answer = (response, request) => {
      stolen.push(request.headers.authorization ?? request.url ?? '');
      response.end('{}');
    };
    answers({ data: [{ id: '1' }], paging: { next: `${thief.dsn}/v26.0/101/x?after=two` } }, { data: [] });
    expect(await all(everyItem(call(), '/101/conversations'))).toEqual([{ id: '1' }]);
    thief.close();
    expect(stolen).toEqual([]);
    expect(new URL(asked[1]?.url ?? '', peer.dsn).searchParams.get('after')).toBe('two');
  });

  it('goes on from a cursor, and does not go round in circles', async () => {
    answers({ data: [{ id: '1' }], paging: next('two') });
    expect(await graphPage(call(), '/101/conversations', 'one')).toEqual({ items: [{ id: '1' }], next: 'two' });
    expect(await failureOf(all(everyItem(call(), '/101/conversations')))).toMatchObject({
      code: 'provider_unavailable',
    });
  });

  it.each([{}, { data: null }, { data: [], paging: 'x' }, { data: [], paging: { next: 'no address' } }])(
    'that is %j is empty and over',
    async (body) => {
      answers(body);
      expect(await graphPage(call(), '/101/conversations', null)).toEqual({ items: [], next: null });
    },
  );
});

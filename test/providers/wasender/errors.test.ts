import fc from 'fast-check';
import { failures, type FailureCode } from '../../../domain/failures.ts';
import type { ContactReader } from '../../../providers/provider.ts';
import { wasender } from '../../../providers/wasender/index.ts';
import { failureOf, startPeer, type Peer } from '../unipile/peer.ts';
import { callTo, inputFor } from './calls.ts';

const contacts = wasender.contacts as ContactReader;
const { login, account } = wasender;
const input = inputFor('+33639980001');
let peer: Peer;
beforeAll(async () => {
  peer = await startPeer();
});
afterAll(() => peer?.close());

const call = () => callTo(`${peer.dsn}/api`, { providerAccountId: '7', keys: { apiKey: 'canary-key' } });
const one = () => failureOf(contacts.page(call(), null));

describe('a failure by its text', () => {
  const table: [number, FailureCode, string][] = [
    [401, 'provider_key_rejected', 'Invalid API key'],
    [401, 'provider_key_rejected', 'API key is required'],
    [401, 'provider_key_rejected', 'Unnotarized'],
    [403, 'plan_required', 'You do not have an active subscription.'],
    [422, 'plan_required', 'Session limit reached'],
    [422, 'login_lost', 'Your WhatsApp session is not connected.'],
    [400, 'login_lost', 'Session not connected'],
    [422, 'request_refused', 'Invalid JID'],
    [404, 'not_found', 'Contact not found'],
    [404, 'not_found', 'No query results for model [Session] 7'],
    [404, 'unsupported', 'The route api/contacts could not be found.'],
    [429, 'rate_limited', 'Too many requests, slow down.'],
    [500, 'provider_unavailable', 'Server Error'],
  ];

  it.each(table)('%i %s: %s', async (status, code, text) => {
    for (const body of [
      { success: false, message: text },
      { success: false, error: text },
      { success: false, message: text, error: text },
      { message: text.toUpperCase() },
    ]) {
      peer.says(status, body);
      expect((await one()).code).toBe(code);
    }
    if (status >= 500) return;
    for (const name of ['message', 'error']) {
      peer.says(200, { success: false, [name]: text });
      expect((await one()).code).toBe(code);
    }
  });

  it('is never told as no failure, whatever the text', async () => {
    for (const body of [
      { success: false },
      { success: false, error: { nested: true } },
      { success: false, data: [] },
    ]) {
      peer.says(200, body);
      expect((await one()).code).toBe('request_refused');
    }
  });
});

describe('a failure by its status', () => {
  it.each([
    [301, 'provider_unavailable', 'none'],
    [400, 'request_refused', 'none'],
    [401, 'provider_key_rejected', 'none'],
    [402, 'plan_required', 'none'],
    [403, 'plan_required', 'none'],
    [408, 'provider_unavailable', 'unknown'],
    [409, 'provider_unavailable', 'unknown'],
    [422, 'request_refused', 'none'],
    [429, 'rate_limited', 'none'],
    [500, 'provider_unavailable', 'unknown'],
    [501, 'unsupported', 'unknown'],
    [503, 'provider_unavailable', 'unknown'],
  ])('%i is %s, and its effect %s', async (status, code, effect) => {
    const begin = () => failureOf(login.begin({ ...call(), providerAccountId: null }, input));
    peer.says(status, { success: false, message: 'No.' });
    expect(await begin()).toMatchObject({ code, effect });
    const foreign = status === 429 ? 'rate_limited' : 'provider_unavailable';
    for (const body of [{}, { status: 'denied' }, '<html></html>', '']) {
      peer.says(status, body);
      expect(await begin()).toMatchObject({ code: foreign, effect });
    }
  });

  it('404 of something that stands before WASender says nothing of the session', async () => {
    peer.says(404, '<html>nothing here</html>');
    expect(await failureOf(login.check(call()))).toMatchObject({ code: 'provider_unavailable' });
    peer.says(404, { success: false, message: 'Session not found' });
    expect((await login.check(call())).status).toBe('not_found');
  });
});

it('a text that quotes input or key is never repeated', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(200, 400, 401, 403, 404, 422, 429, 500),
      fc.dictionary(fc.constantFrom('message', 'error', 'errors', 'data'), fc.jsonValue()),
      async (status, body) => {
        peer.says(status, {
          success: false,
          ...body,
          errors: { canary: ['+33639980001 canary-key'] },
          note: 'canary-key',
        });
        const failure = await one();
        expect(Object.keys(failures)).toContain(failure.code);
        const all = `${failure.message} ${failure.stack} ${JSON.stringify(failure)}`;
        expect(all).not.toMatch(/canary-key|33639980001|sandbox-pat/);
      },
    ),
    { numRuns: 100 },
  );
});

describe('what did not come through', () => {
  it('took no effect where nobody listened, and may have where the answer was lost', async () => {
    const gone = await startPeer();
    gone.close();
    const nobody = callTo(`${gone.dsn}/api`);
    expect(await failureOf(login.begin(nobody, input))).toMatchObject({ code: 'provider_unavailable', effect: 'none' });
    peer.answer = (response) => response.destroy();
    const lost = failureOf(login.begin({ ...call(), providerAccountId: null }, input));
    expect(await lost).toMatchObject({ code: 'provider_unavailable', effect: 'unknown' });
    expect(await failureOf(login.check(call()))).toMatchObject({ code: 'provider_unavailable', effect: 'none' });
  });
});

describe('an answer in an unknown shape', () => {
  const bodies = ['', 'null', '[]', '"x"', '<html></html>', '{}', '{"success":true}', '{"success":true,"data":7}'];

  it.each(bodies)('is no session, no list and no book: %s', async (body) => {
    peer.says(200, body);
    expect(await failureOf(login.check(call()))).toMatchObject({ code: 'provider_unavailable' });
    expect(await failureOf(account.list(call()))).toMatchObject({ code: 'provider_unavailable' });
    expect(await failureOf(contacts.page(call(), null))).toMatchObject({ code: 'provider_unavailable' });
    const begun = failureOf(login.begin({ ...call(), providerAccountId: null }, input));
    expect(await begun).toMatchObject({ code: 'provider_unavailable', effect: 'unknown' });
    const found = failureOf(login.findUnconfirmedLogins(call(), input, 0));
    expect(await found).toMatchObject({ code: 'provider_unavailable' });
  });

  it('of an entry is passed over and counted, of its parts forgotten', async () => {
    const data = [
      null,
      7,
      'x',
      {},
      { id: 'x@g.us' },
      { id: 5550100 },
      { jid: '5550101@s.whatsapp.net', name: 5, imgUrl: 7 },
    ];
    peer.says(200, { success: true, data: { items: data, pagination: { totalPages: 1 } } });
    const page = await contacts.page(call(), null);
    expect(page).toMatchObject({ delivered: 7, cursor: null });
    expect(page.contacts.map(({ id, name, phone }) => [id, name, phone])).toEqual([
      ['5550100@s.whatsapp.net', null, '+5550100'],
      ['5550101@s.whatsapp.net', '5', '+5550101'],
    ]);
  });

  it('never makes a reader throw anything but a failure', async () => {
    const shape = fc.dictionary(
      fc.constantFrom('items', 'data', 'pagination', 'last_page', 'id', 'jid'),
      fc.jsonValue(),
    );
    await fc.assert(
      fc.asyncProperty(fc.oneof(fc.jsonValue(), shape), async (data) => {
        peer.says(200, { success: true, data });
        for (const asked of [contacts.page(call(), null), contacts.one(call(), '+33639980001'), login.check(call())])
          await asked.catch((error: unknown) => expect(error).toHaveProperty('code'));
      }),
      { numRuns: 100 },
    );
  });
});

it('a picture that changed, or of which nothing is told, is to be fetched', async () => {
  const of = async (entry: object) => {
    peer.says(200, { success: true, data: [{ id: '5550100', ...entry }] });
    return (await contacts.page(call(), null)).contacts[0];
  };
  expect(await of({ imgUrl: 'changed' })).not.toHaveProperty('pictureUrl');
  expect(await of({})).not.toHaveProperty('pictureUrl');
  expect(await of({ imgUrl: 'javascript:alert(1)' })).not.toHaveProperty('pictureUrl');
  expect(await of({ imgUrl: null })).not.toHaveProperty('pictureUrl');
  expect(await of({ imgUrl: 'https://img.example/a' })).toMatchObject({ pictureUrl: 'https://img.example/a' });
});

describe('what is sent', () => {
  it('is each key where it belongs, and people by their digits', async () => {
    const seen: string[] = [];
    peer.answer = (response, { method, url, headers }) => {
      seen.push(`${method} ${url} ${headers.authorization}`);
      response.writeHead(200, { 'content-type': 'application/json' });
      response.end(
        JSON.stringify({ success: true, data: { id: '5550100', exists: true, pn: null, status: 'CONNECTING' } }),
      );
    };
    await contacts.one(call(), '+15550100');
    await contacts.one(call(), '900000000000001@lid');
    await contacts.phoneOf?.(call(), '900000000000001@lid');
    await login.check(call());
    expect(seen).toEqual([
      'GET /api/contacts/15550100 Bearer canary-key',
      'GET /api/contacts/900000000000001%40lid Bearer canary-key',
      'GET /api/pn-from-lid/900000000000001%40lid Bearer canary-key',
      'GET /api/whatsapp-sessions/7 Bearer 1|sandbox-pat',
    ]);
  });
});

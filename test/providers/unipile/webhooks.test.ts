import fc from 'fast-check';
import { unipile } from '../../../providers/unipile/index.ts';

const { read, verify, readCallback } = unipile.webhooks;
const request = (body: unknown) => ({
  raw: Buffer.from(typeof body === 'string' ? body : JSON.stringify(body)),
  headers: {},
});
const statusOf = (body: unknown) => read(request(body))[0];

describe('C2: account status', () => {
  const words = {
    CREATION_SUCCESS: 'created',
    OK: 'linked',
    RECONNECTED: 'linked',
    SYNC_SUCCESS: 'synced',
    CONNECTING: 'degraded',
    CREDENTIALS: 'login_lost',
    PERMISSIONS: 'login_lost',
    ERROR: 'needs_restart',
    STOPPED: 'needs_restart',
    DELETED: 'deleted',
    SOMETHING_NEW: 'unknown',
  };

  it.each(Object.entries(words))('%s means %s, wrapped or flat, in any case', (word, status) => {
    const wrapped = { AccountStatus: { account_id: 'a', account_type: 'WHATSAPP', message: word, reason: 'x' } };
    expect(statusOf(wrapped)).toMatchObject({ kind: 'account_status', status, providerAccountId: 'a' });
    for (const spelling of [word, word.toLowerCase()]) {
      const flat = { event: 'account_status', account_id: 'a', account_type: 'WHATSAPP', message: spelling };
      expect(statusOf(flat)).toMatchObject({ kind: 'account_status', status, providerAccountId: 'a' });
      const { message: _message, ...rest } = flat;
      expect(statusOf({ ...rest, status: spelling })).toMatchObject({ kind: 'account_status', status });
    }
  });

  it.each([
    { AccountStatus: { account_id: 'a', message: 'CREDENTIALS' } },
    { AccountStatus: { account_id: 'a', status: 'CREDENTIALS' } },
    { event: 'account_status', AccountStatus: { account_id: 'a', message: 'CREDENTIALS' } },
    { event: 'account_status', account_id: 'a', message: 'CREDENTIALS' },
    { event: 'account_status', account_id: 'a', status: 'credentials', reason: 'logged out' },
    { event: 'account_status', data: { account_id: 'a', status: 'CREDENTIALS' } },
    { account_id: 'a', account_type: 'LINKEDIN', message: 'CREDENTIALS', reason: 'logged out' },
    { status: 'CREDENTIALS', account_id: 'a', name: 'n' },
  ])('is understood in every shape: %j', (body) =>
    expect(statusOf(body)).toMatchObject({
      kind: 'account_status',
      type: 'account_status.credentials',
      status: 'login_lost',
      providerAccountId: 'a',
    }),
  );

  it.each([
    [{ AccountStatus: {} }, null],
    [{ AccountStatus: { account_id: 5, message: {} } }, null],
    [{ event: 'account_status' }, null],
    [{ AccountStatus: { account_id: 'a', message: 'Call me, it is urgent' } }, 'a'],
  ])('of an unknown word moves nothing, and is not repeated: %j', (body, providerAccountId) =>
    expect(statusOf(body)).toMatchObject({
      type: 'account_status.unknown',
      status: 'unknown',
      providerAccountId,
    }),
  );

  it('is told from a message by its shape when the body names no event', () => {
    expect(statusOf({ account_id: 'a', message: 'CREDENTIALS' })).toMatchObject({ status: 'login_lost' });
    expect(statusOf({ account_id: 'a', message: 'SOMETHING_NEW' })).toMatchObject({ status: 'unknown' });
    for (const message_id of ['m', undefined])
      expect(statusOf({ event: 'message_received', account_id: 'a', message_id, message: 'OK' })).toMatchObject({
        kind: 'other',
        type: 'message_received',
      });
    expect(() => statusOf({ account_id: 'a', message: 'Hello there' })).toThrow('names no event');
  });
});

describe('other events', () => {
  it.each(['message_received', 'message.received', 'new_message', 'message_read', 'made_up'])('%s is kept', (event) => {
    const body = { event, account_id: 'a', message_id: 'm', timestamp: 't' };
    expect(statusOf(body)).toMatchObject({ kind: 'other', type: event, providerAccountId: 'a' });
  });

  it('are the same when equal, and others when anything that identifies them differs', () => {
    const base = { event: 'message_received', account_id: 'a', message_id: 'm', timestamp: 't' };
    const key = (change: object) => statusOf({ ...base, ...change })?.dedupeKey;
    expect(key({})).toBe(key({ message: 'whatever' }));
    const others = [{ event: 'message_read' }, { account_id: 'b' }, { message_id: 'n' }, { timestamp: 'u' }];
    expect(new Set([key({}), ...others.map(key)]).size).toBe(5);
  });
});

describe('what happens to a message after it came', () => {
  const base = { account_id: 'a', message_id: 'm', timestamp: 't' };
  const key = (body: object) => statusOf({ ...base, ...body })?.dedupeKey;

  it.each([
    ['message_read', { seen_by: { ada: true } }, { seen_by: { ada: true, bo: true } }],
    ['message_reaction', { reaction: '+1', reaction_sender: 'ada' }, { reaction: '+1', reaction_sender: 'bo' }],
    ['message_reaction', { reaction: '+1' }, { reaction: '-1' }],
    ['message_edited', { message: 'one' }, { message: 'two' }],
  ])('%s is another event each time, though it carries the time of the message', (event, one, other) => {
    expect(key({ event, ...one })).toBe(key({ event, ...one }));
    expect(key({ event, ...one })).not.toBe(key({ event, ...other }));
  });

  it.each(['message_received', 'message.received', 'new_message'])('but %s is new once', (event) =>
    expect(key({ event, message: 'one', folder: ['INBOX'] })).toBe(key({ event, message: 'one', folder: [] })),
  );
});

it('throws only its own errors, and answers whole events, for any JSON and any bytes', () => {
  const names = ['event', 'AccountStatus', 'account_id', 'message', 'status', 'message_id', 'data'];
  const body = fc.oneof(
    fc.json(),
    fc.string(),
    fc.dictionary(fc.constantFrom(...names), fc.jsonValue()).map((one) => JSON.stringify(one)),
  );
  fc.assert(
    fc.property(body, (raw) => {
      const both = [0, 1].map(() => {
        try {
          return read(request(raw));
        } catch (error) {
          expect(error).toBeInstanceOf(Error);
          expect(error).not.toBeInstanceOf(TypeError);
          return null;
        }
      });
      expect(both[0]).toEqual(both[1]);
      for (const event of both[0] ?? []) {
        expect(event.dedupeKey).toEqual(expect.any(String));
        expect(event.type).toEqual(expect.any(String));
        expect([null, 'string']).toContain(event.providerAccountId === null ? null : typeof event.providerAccountId);
      }
    }),
    { numRuns: 500 },
  );
});

describe('the secret header', () => {
  const given = (value: string | string[] | undefined) => ({
    raw: Buffer.from('{}'),
    headers: { 'patchbay-webhook-secret': value },
  });

  it('must hold one of the secrets: two while they are rotated', () => {
    expect(verify(given('new'), ['new', 'old'])).toBe(true);
    expect(verify(given('old'), ['new', 'old'])).toBe(true);
    expect(verify(given('older'), ['new', 'old'])).toBe(false);
  });

  it.each([[undefined], [''], [['new', 'new']], ['new ']])('is wrong as %j', (value) =>
    expect(verify(given(value), ['new'])).toBe(false),
  );

  it('lets nothing in where there is no secret', () => {
    expect(verify(given(''), [])).toBe(false);
    expect(verify(given(''), [''])).toBe(false);
    expect(verify(given('undefined'), [])).toBe(false);
  });
});

describe('the callback of a login page', () => {
  it.each(['CREATION_SUCCESS', 'RECONNECTED', 'creation_success'])('names its account with %s', (status) =>
    expect(readCallback({ status, account_id: 'a', name: 'n' })).toBe('a'),
  );

  it('names none in any other body', () => {
    fc.assert(fc.property(fc.jsonValue(), (body) => expect(readCallback(body)).toBeNull()));
    for (const status of ['CREATION_FAILED', 'OK', '']) expect(readCallback({ status, account_id: 'a' })).toBeNull();
  });
});

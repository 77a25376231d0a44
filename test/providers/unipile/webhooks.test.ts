import fc from 'fast-check';
import { subjectName } from '../../../domain/erasure.ts';
import { peopleIn } from '../../../domain/webhook-events.ts';
import { unipile } from '../../../providers/unipile/index.ts';
import { expectLinear } from '../../support/linear.ts';
import { sample } from './message-sample.ts';
import { expectSound } from '../sound-events.ts';
import { shownProof } from '../../../services/webhooks/proof.ts';

const { read, readCallback } = unipile.webhooks;
const request = (body: unknown) => ({
  raw: Buffer.from(typeof body === 'string' ? body : JSON.stringify(body)),
  headers: {},
});
const statusOf = (body: unknown) => read(request(body)).events?.[0];

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
    for (const [message_id, kind] of [
      ['m', 'message'],
      [undefined, 'other'],
    ])
      expect(
        statusOf({ event: 'message_received', account_id: 'a', chat_id: 'c', message_id, message: 'OK' }),
      ).toMatchObject({ kind, type: 'message_received' });
    expect(read(request({ account_id: 'a', message: 'Hello there' })).events).toBeNull();
  });
});

describe('other events', () => {
  it.each([
    ['message_received', 'message'],
    ['message.received', 'message'],
    ['new_message', 'message'],
    ['message_read', 'receipt'],
    ['message_delivered', 'receipt'],
    ['message_reaction', 'reaction'],
    ['message_edited', 'edit'],
    ['message_deleted', 'delete'],
    ['made_up', 'other'],
    ['constructor', 'other'],
  ])('%s is kept as %s', (event, kind) => {
    const body = { event, account_id: 'a', chat_id: 'c', message_id: 'm', timestamp: 't' };
    expect(statusOf(body)).toMatchObject({ kind, type: event, providerAccountId: 'a' });
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

const more = ['seen_by', 'reactions', 'reaction', 'reaction_sender', 'quoted', 'event_type', 'edited'];
const inside = ['attendee_id', 'attendee_provider_id', 'attendee_name', 'id', 'type', 'size', 'sender_id', 'value'];
const part = fc.oneof(
  fc.dictionary(fc.constantFrom(...inside), fc.jsonValue()),
  fc.array(fc.dictionary(fc.constantFrom(...inside), fc.jsonValue()), { maxLength: 3 }),
);

it('throws nothing, and answers whole events, for any JSON and any bytes', () => {
  const names = [
    'event',
    'AccountStatus',
    'account_id',
    'message',
    'status',
    'message_id',
    'data',
    'sender',
    'attendees',
  ];
  const kinds = ['received', 'read', 'delivered', 'reaction', 'edited', 'deleted'].map((word) => `message_${word}`);
  const hostile = fc.dictionary(fc.constantFrom(...Object.keys(sample), ...more), fc.oneof(fc.jsonValue(), part));
  const changed = fc.tuple(fc.constantFrom(...kinds), hostile).map(([event, one]) => ({ ...sample, ...one, event }));
  const body = fc.oneof(
    fc.json(),
    fc.string(),
    fc.dictionary(fc.constantFrom(...names), fc.jsonValue()).map((one) => JSON.stringify(one)),
    changed.map((one) => JSON.stringify(one)),
    fc.array(changed, { maxLength: 3 }).map((one) => JSON.stringify(one)),
  );
  fc.assert(
    fc.property(body, (raw) => {
      const [one, other] = [read(request(raw)), read(request(raw))];
      expect(one).toEqual(other);
      expect(one.body).toBe(raw);
      for (const event of one.events ?? []) {
        expect(event.dedupeKey).toEqual(expect.any(String));
        expect(event.type).toEqual(expect.any(String));
        expect([null, 'string']).toContain(event.providerAccountId === null ? null : typeof event.providerAccountId);
        expectSound(event);
      }
    }),
    { numRuns: 500 },
  );
});

describe('the secret header', () => {
  it.each([[undefined], [''], [['new', 'new']]])('shows no secret as %j', (value) =>
    expect(shownProof(unipile.webhooks, { 'patchbay-webhook-secret': value })).toBeNull(),
  );

  it('shows its secret as it came', () =>
    expect(shownProof(unipile.webhooks, { 'patchbay-webhook-secret': 'new ' })).toBe('new '));
});

describe('the people whom a body speaks of', () => {
  const names = (body: unknown): string[] => {
    const people = peopleIn(read(request(body)));
    return people === 'too_many' ? [people] : people.map(subjectName).toSorted();
  };

  it('are attendees, by number or by whatever their channel calls them', () => {
    const body = {
      event: 'message_received',
      account_id: 'abc',
      timestamp: '2026-05-04T10:00:00Z',
      sender: {
        attendee_provider_id: '33639980001@s.whatsapp.net',
        attendee_specifics: { phone_number: '+33639980001', lid: '900000000000001@lid' },
      },
      attendees: [{ attendee_provider_id: 'ACoAAB1', attendee_name: 'Ana' }],
    };
    expect(names(body)).toEqual(['id:ACoAAB1', 'jid:33639980001@s.whatsapp.net', 'lid:900000000000001@lid']);
  });

  it('are also those in texts, cards and names of fields, whatever the event', () => {
    const told = (more: object): string[] => names({ event: 'made_up', account_id: 'a', ...more });
    const ana = ['jid:33639980001@s.whatsapp.net'];
    expect(told({ seen_by: { '33639980001@s.whatsapp.net': 1 } })).toEqual(ana);
    expect(told({ text: 'ask 33639980001@s.whatsapp.net, please' })).toEqual(ana);
    expect(told({ vcard: 'TEL;type=CELL;waid=33639980001:+33 6 39' })).toEqual(ana);
  });

  it('are also those of bodies that cannot be read', () => {
    expect(names('sender=33639980001%40s.whatsapp.net&x=1')).toEqual(['jid:33639980001@s.whatsapp.net']);
    expect(names('%zz 33639980001@s.whatsapp.net')).toEqual(['jid:33639980001@s.whatsapp.net']);
  });

  it('are nobody where it tells of a state, a group or a time', () => {
    expect(names({ AccountStatus: { account_id: 'x', account_type: 'WHATSAPP', message: 'OK' } })).toEqual([]);
    expect(names({ event: 'x', provider_chat_id: '120363000000000001@g.us', timestamp: 1770109260 })).toEqual([]);
    expect(names('null')).toEqual([]);
    expect(names('')).toEqual([]);
  });
});

const many = <T>(times: number, one: T): T[] => Array.from({ length: Math.floor(times) }, () => one);

describe('SECURITY 26: 5 MB of any shape', () => {
  it.each<[string, (size: number) => string]>([
    ['nested lists', (size) => '['.repeat(size / 2) + ']'.repeat(size / 2)],
    ['nested objects', (size) => '{"a":'.repeat(size / 6) + '1' + '}'.repeat(size / 6)],
    ['a list of numbers', (size) => `{"event":"x","data":[${'1,'.repeat(size / 2)}1]}`],
    ['JIDs', (size) => JSON.stringify({ event: 'x', text: '1234567@lid '.repeat(size / 12) })],
    ['halves of JIDs', (size) => JSON.stringify({ event: 'x', text: `${'111:'.repeat(size / 4)}@` })],
    ['digits', (size) => JSON.stringify({ event: 'x', text: `@${'1'.repeat(size)}` })],
    ['escapes', (size) => `{"event":"x","text":"${'\\u0041'.repeat(size / 6)}"}`],
    ['attendees', (size) => JSON.stringify({ ...sample, attendees: many(size / 200, sample.sender) })],
    ['attachments', (size) => JSON.stringify({ ...sample, attachments: many(size / 60, { id: 'f', type: 'img' }) })],
    [
      'readers',
      (size) =>
        JSON.stringify({
          ...sample,
          event: 'message_read',
          is_group: true,
          provider_chat_id: '1@g.us',
          seen_by: Object.fromEntries(many(size / 60, 0).map((_one, n) => [`${100_000 + n}@s.whatsapp.net`, true])),
        }),
    ],
    ['a list of events', (size) => JSON.stringify(many(size / 1200, sample))],
  ])('are read in linear time: %s', (_name, bodyOf) => expectLinear(bodyOf, (body) => read(request(body))));
});

describe('the callback of a login page', () => {
  it.each(['CREATION_SUCCESS', 'RECONNECTED', 'creation_success'])('names its account with %s', (status) =>
    expect(readCallback({ status, account_id: 'a', name: 'n' })).toEqual({ providerAccountId: 'a', login: 'n' }),
  );

  it('names none in any other body', () => {
    fc.assert(fc.property(fc.jsonValue(), (body) => expect(readCallback(body)).toBeNull()));
    for (const status of ['CREATION_FAILED', 'OK', ''])
      expect(readCallback({ status, account_id: 'a', name: 'n' })).toBeNull();
    expect(readCallback({ status: 'CREATION_SUCCESS', account_id: 'a' })).toBeNull();
  });
});

import fc from 'fast-check';
import type { ProviderCall } from '../../../providers/provider.ts';
import { wasender } from '../../../providers/wasender/index.ts';
import { startWasender, type WasenderWorld } from '../../sandbox/wasender-world.ts';
import { startReceiver, type Received, type Receiver } from '../../sandbox/world.ts';
import { callAfter, callTo, inputFor } from './calls.ts';

const { login, webhooks } = wasender;
const request = (body: unknown, headers: Record<string, string | string[] | undefined> = {}) => ({
  raw: Buffer.from(typeof body === 'string' ? body : JSON.stringify(body)),
  headers,
});
const eventOf = (body: unknown) => webhooks.read(request(body))[0];
const cleaned = (body: unknown): string => webhooks.withoutKeys?.(JSON.stringify(body)) ?? '';
const key = 'ab'.repeat(32);

describe('C2: session.status', () => {
  const words = {
    connected: 'linked',
    connecting: 'degraded',
    need_scan: 'login_lost',
    need_passkey: 'login_lost',
    disconnected: 'login_lost',
    logged_out: 'login_lost',
    expired: 'login_lost',
    something_new: 'unknown',
  };

  it.each(Object.entries(words))('%s means %s, in any case and shape', (said, status) => {
    for (const one of [said, said.toUpperCase()])
      for (const body of [
        { event: 'session.status', timestamp: 1, sessionId: key, data: { status: one } },
        { event: 'session.status', session_id: key, data: { status: one, session_id: '12' } },
        { event: 'session.status', status: one },
      ])
        expect(eventOf(body)).toMatchObject({ kind: 'account_status', status, providerAccountId: null });
  });

  it.each([{}, { data: null }, { data: { status: 5 } }, { data: [] }])('without a word moves nothing: %j', (body) =>
    expect(eventOf({ event: 'session.status', ...body })).toMatchObject({
      type: 'session.status.unknown',
      status: 'unknown',
    }),
  );
});

describe('SECURITY 4: the key that events carry', () => {
  it.each([
    { event: 'session.status', sessionId: key, data: { status: 'connected' } },
    { event: 'session.status', session_id: key, data: {} },
    { sessionid: key, event: 'messages.update', data: { note: `again ${key}` } },
    { event: 'messages.update', data: { sessionId: key, text: 'kept' } },
  ])('is blotted out wherever it stands: %j', (body) => {
    expect(cleaned(body)).not.toContain(key);
    expect(JSON.parse(cleaned(body))).toHaveProperty('event', body.event);
    expect(JSON.stringify(eventOf(body))).not.toContain(key);
  });

  it('is blotted out of what is no JSON', () =>
    expect(webhooks.withoutKeys?.(`{"sessionId" : "${key}", broken`)).not.toContain(key));

  it('leaves a session’s number, and everything else, as it came', () => {
    for (const body of [
      { event: 'x', sessionId: '123456' },
      { event: 'x', data: { text: key } },
    ])
      expect(cleaned(body)).toBe(JSON.stringify(body));
  });

  it('does not make another event of one that was kept', () => {
    const body = { event: 'messages.update', sessionId: key, data: { update: { status: 3 } } };
    expect(eventOf(cleaned(body))).toEqual(eventOf(body));
  });
});

it('equal bodies are one event, others are others', () => {
  const base = { event: 'messages.received', timestamp: 1, data: { messages: { key: { id: 'a' } } } };
  const others = [
    { ...base, event: 'messages.upsert' },
    { ...base, timestamp: 2 },
    { ...base, data: {} },
  ];
  expect(eventOf(base)).toEqual(eventOf({ ...base }));
  expect(new Set([base, ...others].map((one) => eventOf(one)?.dedupeKey)).size).toBe(4);
});

it('throws only its own errors, and answers whole events, for any JSON and any bytes', () => {
  const body = fc.oneof(
    fc.json(),
    fc.string(),
    fc
      .dictionary(fc.constantFrom('event', 'data', 'sessionId', 'status'), fc.jsonValue())
      .map((one) => JSON.stringify({ event: 'session.status', ...one })),
  );
  fc.assert(
    fc.property(body, (raw) => {
      try {
        for (const event of webhooks.read(request(raw))) {
          expect(event.type).toMatch(/^[\w.-]+$/);
          expect(event.providerAccountId).toBeNull();
        }
      } catch (error) {
        expect(error).toBeInstanceOf(Error);
        expect(error).not.toBeInstanceOf(TypeError);
      }
    }),
    { numRuns: 500 },
  );
});

describe('the signature, which is the secret itself', () => {
  const signed = (value: string | string[] | undefined) => request('{}', { 'x-webhook-signature': value });

  it('must be one of the secrets', () => {
    expect(webhooks.verify(signed('new'), ['new', 'old'])).toBe(true);
    expect(webhooks.verify(signed('old'), ['new', 'old'])).toBe(true);
    expect(webhooks.verify(signed('other'), ['new', 'old'])).toBe(false);
    expect(webhooks.shownSecret?.(signed('s'))).toBe('s');
  });

  it.each([[undefined], [''], [['new', 'new']]])('is none as %j', (value) => {
    expect(webhooks.verify(signed(value), ['new', ''])).toBe(false);
    expect(webhooks.shownSecret?.(signed(value))).toBeNull();
  });
});

describe('P6: what the sandbox delivers', () => {
  let world: WasenderWorld;
  let receiver: Receiver;
  let here: ProviderCall;
  beforeAll(async () => {
    world = await startWasender();
  });
  beforeEach(async () => {
    await world.control('POST', '/reset');
    receiver = await startReceiver();
    const asked = callTo(world.wasenderUrl, { webhookAddress: receiver.url });
    here = callAfter(world, await login.begin(asked, inputFor('+33639980001')));
    await world.control('POST', '/scan', { session: here.providerAccountId });
  });
  afterEach(() => receiver.close());
  afterAll(() => world?.close());

  const read = ({ headers, text }: Received) => {
    const one = request(text, headers);
    expect(webhooks.verify(one, [here.keys?.webhookSecret ?? ''])).toBe(true);
    return webhooks.read(one);
  };
  const variants: [string, unknown][] = [
    ['webhook_session_id', 'documented'],
    ['webhook_session_id', 'all'],
    ['webhook_session_id', 'none'],
    ['webhook_timestamp', 'seconds'],
    ['webhook_timestamp', 'milliseconds'],
    ['session_status_id', true],
    ['status_case', 'upper'],
    ['field_case', 'snake'],
    ['field_case', 'camel'],
  ];

  it.each(variants)('is read with %s %s, without a key', async (name, value) => {
    await world.variant(name, value);
    const session = here.providerAccountId;
    for (const status of ['connecting', 'connected', 'logged_out'])
      await world.control('POST', '/drop', { session, status });
    const told = await receiver.until(4, ({ body }) => body.event === 'session.status');
    expect(told.flatMap(read).map((one) => one.kind === 'account_status' && one.status)).toEqual([
      'linked',
      'degraded',
      'linked',
      'login_lost',
    ]);
    for (const { text } of told) expect(webhooks.withoutKeys?.(text)).not.toContain(here.keys?.apiKey);
  });

  it.each([
    ['upsert_messages', 'object'],
    ['update_shape', 'array'],
    ['update_status', 'words'],
    ['contacts_shape', 'object'],
  ])('are messages, receipts and contacts, also with %s %s, a repeat being the same', async (name, value) => {
    await world.variant(name, value);
    await world.control('PUT', '/faults', { provider: 'wasender', webhook_duplicate: 1 });
    const session = here.providerAccountId;
    await world.control('POST', '/messages', { session, from: '+33639980002', text: 'Hello' });
    const own = await world.control('POST', '/messages', { session, chat: '+33639980002', from: 'me', text: 'Hi' });
    const message_id = own.body.messages?.[0]?.message_id;
    await world.control('POST', '/receipts', { session, message_id, status: 'read' });
    await world.control('PATCH', '/address-book', { session, change: 0.2 });
    const kinds = ['messages.received', 'messages.upsert', 'messages.update', 'contacts.update'];
    for (const kind of kinds) {
      const twice = await receiver.until(2, ({ body }) => body.event === kind);
      expect(new Set(twice.flatMap(read).map((one) => one.type))).toEqual(new Set([kind]));
      expect(read(twice[0] as Received)[0]?.dedupeKey).toMatch(new RegExp(`^${kind}:`));
    }
  });
});

import fc from 'fast-check';
import { peopleIn } from '../../../domain/webhook-events.ts';
import { meta } from '../../../providers/meta/index.ts';
import { isSigned } from '../../../services/webhooks/proof.ts';
import { readRequest } from '../../../services/webhooks/read-request.ts';
import { expectLinear } from '../../support/linear.ts';
import { expectSound } from '../sound-events.ts';
import { eventsOf, incoming, kindsOf, numberId, ofNumber, ofPage, pageId, person, sentAt } from './events.ts';

const one = (body: object): any => eventsOf(body)[0];
const seconds = String(Math.floor(sentAt / 1000));
const url = 'https://scontent.xx.fbcdn.net/v/file.bin?oh=1';

describe('a request', () => {
  it('of another sender is none of Meta', () => {
    for (const body of [{}, [], 'text', { object: 'page' }, { object: 'page', entry: {} }, { entry: [] }, 7, null])
      expect(meta.webhooks.read({ raw: Buffer.from(JSON.stringify(body)), headers: {} }).events).toBeNull();
    expect(meta.webhooks.read({ raw: Buffer.from('{'), headers: {} }).events).toBeNull();
  });

  it('is proven by the app secret or that of its Instagram login, over the bytes as they came', () => {
    const raw = Buffer.from('{"object":"page","entry":[{"text":"\\u00e4\\/"}]}');
    const { webhooks } = meta;
    const [app, instagram] = ['app-secret', 'instagram-secret'];
    const shown = (header: string, value: string) => ({ raw, headers: { [header]: value } });
    const sign = (secret: string) => webhooks.signature.sign(raw, secret);
    const signOlder = (secret: string) => webhooks.olderSignature.sign(raw, secret);
    const isRight = (request: Parameters<typeof isSigned>[1]) => isSigned(webhooks, request, [app, instagram, '']);
    for (const secret of [app, instagram]) {
      expect(isRight(shown('x-hub-signature-256', sign(secret)))).toBe(true);
      expect(isRight(shown('x-hub-signature', signOlder(secret)))).toBe(true);
    }
    expect(sign(app)).toMatch(/^sha256=[0-9a-f]{64}$/);
    expect(signOlder(app)).toMatch(/^sha1=[0-9a-f]{40}$/);
    const wrong = [
      shown('x-hub-signature-256', sign('another')),
      shown('x-hub-signature-256', sign(app).slice(0, -1)),
      shown('x-hub-signature-256', signOlder(app)),
      shown('x-hub-signature-256', sign(app).slice(7)),
      shown('x-hub-signature', sign(app)),
      shown('x-hub-signature', signOlder('')),
      { raw: Buffer.from(JSON.stringify(JSON.parse(raw.toString()))), headers: { 'x-hub-signature-256': sign(app) } },
      // The older one counts only in place of a missing newer one.
      { raw, headers: { 'x-hub-signature': signOlder(app), 'x-hub-signature-256': 'sha256=00' } },
      { raw, headers: {} },
    ];
    for (const request of wrong) expect(isRight(request)).toBe(false);
  });

  it('asks whether the address is ours by the verify token', () => {
    const query = { 'hub.mode': 'subscribe', 'hub.verify_token': 'token', 'hub.challenge': '0123' };
    expect(meta.webhooks.challenge).toMatchObject({ settings: ['verify_token'] });
    expect(meta.webhooks.challenge.read(query)).toEqual({ secret: 'token', answer: '0123' });
    for (const name of Object.keys(query))
      expect(meta.webhooks.challenge.read({ ...query, [name]: undefined })).toBeNull();
  });

  it('has all items of all entries, each of its own account', () => {
    const entry = (id: string, mids: string[]) => ({
      id,
      time: sentAt,
      messaging: mids.map((mid) => incoming({ message: { mid, text: mid } }, id)),
    });
    const events = eventsOf({ object: 'page', entry: [entry('1', ['a', 'b']), entry('2', ['c'])] });
    expect(events.map(({ providerAccountId, message }) => [providerAccountId, message.text])).toEqual([
      ['1', 'a'],
      ['1', 'b'],
      ['2', 'c'],
    ]);
    expect(new Set(events.map(({ dedupeKey }) => dedupeKey)).size).toBe(3);
  });

  it('names equal deliveries alike, and two accounts that write to each other apart', () => {
    const message = incoming({ message: { mid: 'm', text: 'Hi' } });
    const [alone] = eventsOf(ofPage(message));
    const [, beside] = eventsOf(ofPage(incoming({ optin: { ref: 'r' } }), message));
    expect(alone.dedupeKey).toBe(beside.dedupeKey);
    const echo = { sender: { id: '1' }, recipient: { id: '2' }, message: { mid: 'm', is_echo: true } };
    const news = { sender: { id: '1' }, recipient: { id: '2' }, message: { mid: 'm' } };
    const keys = [
      one({ object: 'page', entry: [{ id: '1', messaging: [echo] }] }),
      one({ object: 'page', entry: [{ id: '2', messaging: [news] }] }),
    ].map(({ dedupeKey }) => dedupeKey);
    expect(new Set(keys).size).toBe(2);
  });

  it('keeps what it does not understand beside the others, and an item that cannot be read as such', () => {
    const events = eventsOf(
      ofPage(
        7,
        incoming({ message: { mid: 'm', text: 'Hi' } }),
        null,
        incoming({ pass_thread_control: { new_owner_app_id: 1 } }),
        [],
      ),
    );
    expect(kindsOf(events)).toEqual(['unreadable', 'message', 'unreadable', 'other', 'unreadable']);
    expect(events[3]).toMatchObject({ type: 'page.pass_thread_control', providerAccountId: pageId });
    const values = [
      null,
      'text',
      { type: 'text' },
      { id: 'r', type: 'reaction' },
      { id: 'w', type: 'text', text: { body: 'Hi' }, from: '15550123' },
    ];
    const told = eventsOf(ofNumber({ messages: values, statuses: [3, { id: 's', status: 'sent' }] }));
    expect(kindsOf(told)).toEqual([
      'unreadable',
      'unreadable',
      'unreadable',
      'unreadable',
      'message',
      'unreadable',
      'receipt',
    ]);
    expect(told.every(({ providerAccountId }) => providerAccountId === numberId)).toBe(true);
    expect(new Set(told.map(({ dedupeKey }) => dedupeKey)).size).toBe(told.length);
    // No key shows what an item says.
    for (const { dedupeKey } of told) expect(dedupeKey).not.toContain('"');
  });

  it('of the doctor has an event without any effect', () => {
    expect(eventsOf(meta.webhooks.selfTest('mark'))).toMatchObject([
      { kind: 'other', type: 'page.patchbay_doctor', providerAccountId: 'mark' },
    ]);
  });

  it('of 1,000 messages, twice, one of them unreadable, is 1,000 events', () => {
    const items = Array.from({ length: 1_000 }, (_, n) =>
      n === 500 ? { sender: 1 } : incoming({ message: { mid: `m_${n}`, text: `text ${n}` } }),
    );
    items[501] = null as unknown as object;
    const read = () =>
      readRequest(meta, { raw: Buffer.from(JSON.stringify(ofPage(...items))), headers: {} }, null).events ?? [];
    const [first, second] = [read(), read()];
    expect(first).toHaveLength(1_000);
    expect(first.map(({ dedupeKey }) => dedupeKey)).toEqual(second.map(({ dedupeKey }) => dedupeKey));
    expect(kindsOf(first).filter((kind) => kind === 'message')).toHaveLength(998);
    expect(kindsOf(first).slice(500, 502)).toEqual(['other', 'unreadable']);
  });

  it('takes time in proportion to its length', () =>
    expectLinear(
      (length) => {
        const text = '@'.repeat(60);
        const items = Array.from({ length: Math.ceil(length / 260) }, (_, n) =>
          incoming({ message: { mid: `m_${n}`, text, attachments: [{ type: 'image', payload: { url } }] } }),
        );
        return JSON.stringify(ofPage(...items));
      },
      (body) => meta.webhooks.read({ raw: Buffer.from(body), headers: {} }),
    ));
});

describe('people', () => {
  it('of a body are known for erasure: by id, by number, and in texts', () => {
    const people = (body: object) => {
      const names = peopleIn(meta.webhooks.read({ raw: Buffer.from(JSON.stringify(body)), headers: {} }));
      return names === 'too_many' ? names : names.map(({ kind, value }) => `${kind}:${value}`).sort();
    };
    expect(people(ofPage(incoming({ message: { mid: 'm', text: 'ask 15550123@s.whatsapp.net' } })))).toEqual([
      `id:${person}`,
      'jid:15550123@s.whatsapp.net',
    ]);
    const messages = [
      { id: 'w', from: '27820000001', from_user_id: 'ZA.7', timestamp: seconds, type: 'text', text: { body: 'a' } },
    ];
    expect(people(ofNumber({ messages }))).toEqual(['id:ZA.7', 'jid:27820000001@s.whatsapp.net']);
    expect(people(ofNumber({ statuses: [{ id: 'w', status: 'sent', recipient_user_id: 'ZA.8' }] }))).toEqual([
      'id:ZA.8',
    ]);
  });
});

describe('any body', () => {
  const names = [
    [
      'sender',
      'recipient',
      'id',
      'timestamp',
      'message',
      'mid',
      'text',
      'attachments',
      'type',
      'payload',
      'url',
      'reaction',
    ],
    ['read', 'watermark', 'delivery', 'mids', 'postback', 'title', 'message_edit', 'referral', 'is_echo', 'is_deleted'],
    ['field', 'value', 'metadata', 'phone_number_id', 'contacts', 'wa_id', 'user_id', 'messages', 'statuses', 'status'],
    [
      'from',
      'from_user_id',
      'context',
      'image',
      'system',
      'errors',
      'code',
      'pricing',
      'history',
      'threads',
      'reply_to',
    ],
  ].flat();
  const leaf = fc.oneof(
    fc.constantFrom(
      person,
      pageId,
      'text',
      'reaction',
      'system',
      'sent',
      'failed',
      '\0',
      '\ud800',
      'a'.repeat(600),
      url,
    ),
    fc.constantFrom(null, -1, 0, 1, true, false, Number.MAX_VALUE, sentAt, seconds),
    fc.string({ unit: 'binary' }),
  );
  const { value } = fc.letrec<{ value: unknown }>((tie) => ({
    value: fc.oneof(
      { maxDepth: 6, withCrossShrink: true },
      leaf,
      fc.array(tie('value'), { maxLength: 3 }),
      fc.dictionary(fc.oneof(fc.constantFrom(...names), fc.string()), tie('value'), { maxKeys: 8 }),
    ),
  }));

  it('is read into events that can be stored', () => {
    fc.assert(
      fc.property(value, fc.constantFrom('page', 'instagram', 'whatsapp_business_account', 'user'), (item, object) => {
        const of = item !== null && typeof item === 'object' && !Array.isArray(item) ? item : {};
        const bodies = [
          { object, entry: [{ id: pageId, messaging: [item, incoming(of)], standby: [item] }] },
          { object, entry: [{ id: pageId, changes: [item, { field: 'messages', value: item }] }] },
          ofNumber({
            messages: [item, { id: 'w', from: '15550123', ...of }],
            statuses: [{ id: 's', ...of }],
            contacts: item,
            history: item,
          }),
          { object, entry: item },
        ];
        for (const body of bodies) {
          const raw = Buffer.from(JSON.stringify(body));
          for (const event of readRequest(meta, { raw, headers: {} }, null).events ?? []) {
            expectSound(event);
            expect([event.dedupeKey.length <= 255, event.type.length <= 255]).toEqual([true, true]);
          }
        }
      }),
      { numRuns: 300 },
    );
  });
});

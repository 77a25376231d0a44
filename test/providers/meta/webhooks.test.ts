import fc from 'fast-check';
import { peopleIn } from '../../../domain/webhook-events.ts';
import { meta } from '../../../providers/meta/index.ts';
import { isSigned } from '../../../services/webhooks/proof.ts';
import { readRequest } from '../../../services/webhooks/read-request.ts';
import { expectLinear } from '../../support/linear.ts';
import { expectSound } from '../sound-events.ts';
import {
  businessId,
  eventsOf,
  incoming,
  instagramId,
  kindsOf,
  numberId,
  ofInstagram,
  ofNumber,
  ofPage,
  outgoing,
  pageId,
  person,
  reference,
  sentAt,
} from './events.ts';

const one = (body: object): any => eventsOf(body)[0];
const seconds = String(Math.floor(sentAt / 1000));
const inSeconds = Math.floor(sentAt / 1000) * 1000;
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

describe.each([
  ['Messenger', ofPage, pageId],
  ['Instagram', ofInstagram, instagramId],
] as const)('%s', (_name, of, account) => {
  const into = (more: object) => incoming(more, account);
  const from = (more: object) => outgoing(more, account);

  it('a message is read whole', () =>
    expect(one(of(into({ message: { mid: 'm_1', text: 'Hi', reply_to: { mid: 'm_0' } } })))).toMatchObject({
      kind: 'message',
      providerAccountId: account,
      message: {
        keys: ['m_1'],
        conversationKeys: [person],
        direction: 'in',
        sender: { keys: [person], isSelf: false },
        text: 'Hi',
        sentAt,
        status: null,
        deleted: false,
        quotedKey: 'm_0',
        attachments: [],
      },
      conversation: { keys: [person], kind: 'person', attendees: [{ keys: [person] }] },
    }));

  it('an echo is of the account, in the same conversation, with our own reference where it is ours', () => {
    const echo = (metadata?: string) =>
      one(of(from({ message: { mid: 'm_2', is_echo: true, app_id: 1, text: 'Yes', ...(metadata && { metadata }) } })));
    expect(echo(reference)).toMatchObject({
      type: expect.stringMatching(/\.message\.echo$/),
      message: {
        keys: ['m_2', reference],
        conversationKeys: [person],
        direction: 'out',
        sender: { keys: [account], isSelf: true },
        status: 'sent',
      },
    });
    for (const foreign of [undefined, 'campaign-7', 'patchbay:1', `${reference} `, `x${reference}`])
      expect(echo(foreign).message.keys).toEqual(['m_2']);
    // What a person writes is not ours, whatever it says.
    expect(one(of(into({ message: { mid: 'm_3', text: 'a', metadata: reference } }))).message.keys).toEqual(['m_3']);
  });

  it('messages that another app answers come as standby', () => {
    const entry = { id: account, time: sentAt, standby: [into({ message: { mid: 'm', text: 'Hi' } })] };
    const object = account === pageId ? 'page' : 'instagram';
    expect(one({ object, entry: [entry] })).toMatchObject({
      kind: 'message',
      type: `${object}.standby.message`,
      message: { direction: 'in', text: 'Hi' },
    });
  });

  it.each([
    ['image', 'image'],
    ['video', 'video'],
    ['audio', 'audio'],
    ['file', 'document'],
    ['sticker', 'sticker'],
    ['reel', 'video'],
    ['ig_reel', 'video'],
    ['story_mention', 'other'],
    ['ig_story', 'other'],
    ['media', 'other'],
    ['appointment_booking', 'other'],
    ['something_new', 'other'],
  ])('an attachment of the type %s is a file of the kind %s', (type, kind) =>
    expect(
      one(of(into({ message: { mid: 'm', attachments: [{ type, payload: { url } }] } }))).message.attachments,
    ).toMatchObject([{ key: '0', kind, url, source: { message: 'm', place: 0, url } }]),
  );

  it.each(['ig_post', 'post', 'share', 'fallback'])('what was shared as %s is a link, or a file of Meta', (type) => {
    const shared = (payload: object) =>
      one(of(into({ message: { mid: 'm', attachments: [{ type, payload }] } }))).message.attachments[0];
    const link = 'https://www.instagram.com/p/abc';
    expect(shared({ url: link, title: 'A post' })).toMatchObject({
      kind: 'link',
      url: link,
      fileName: 'A post',
      source: null,
    });
    expect(shared({ url })).toMatchObject({ kind: 'other', source: { url } });
  });

  it('attachments without a payload, or of no shape, are kept or left out', () => {
    const told = [
      { type: 'fallback', title: 'A page', url: 'https://a.test/' },
      { type: 'image' },
      null,
      'x',
      { type: 'template', payload: { text: 'Pick one' } },
    ];
    const { message } = one(of(into({ message: { mid: 'm', attachments: told } })));
    expect(message.attachments).toMatchObject([
      { key: '0', kind: 'link', fileName: 'A page' },
      { key: '1', kind: 'image', source: null },
      { key: '4', kind: 'other' },
    ]);
    expect(message.text).toBe('Pick one');
  });

  it('tells buttons, links, advertisements and stories beside the text', () => {
    const context = (message: object) =>
      one(of(into({ message: { mid: 'm', text: 'a', ...message } }))).message.context;
    expect(context({ quick_reply: { payload: 'YES' } })).toEqual({ payload: 'YES' });
    expect(
      context({
        referral: { ref: 'r', ad_id: '7', source: 'ADS', type: 'OPEN_THREAD', ads_context_data: { ad_title: 'Sale' } },
      }),
    ).toEqual({
      referral: { ref: 'r', id: '7', source: 'ADS', type: 'OPEN_THREAD', headline: 'Sale' },
    });
    expect(context({ reply_to: { story: { id: 's', url } } })).toEqual({ story: { kind: 'reply', id: 's', url } });
    expect(context({ attachments: [{ type: 'story_mention', payload: { url } }] })).toEqual({
      story: { kind: 'mention', id: null, url },
    });
    expect(context({ is_unsupported: true })).toEqual({ contentType: 'unsupported' });
    expect(context({})).toBeUndefined();
  });

  it('a button is a message of its title', () => {
    const postback = { mid: 'm_p', title: 'Start', payload: 'GO', referral: { ref: 'r', source: 'SHORTLINK' } };
    expect(one(of(into({ postback })))).toMatchObject({
      kind: 'message',
      message: { keys: ['m_p'], text: 'Start', direction: 'in', context: { payload: 'GO', referral: { ref: 'r' } } },
    });
    const { mid: _, ...unnamed } = postback;
    expect(one(of(into({ postback: unnamed })))).toMatchObject({
      kind: 'conversation',
      conversations: [{ keys: [person], lastActionAt: sentAt }],
    });
  });

  it.each(['referral', 'optin'])('%s opens the window of the conversation', (name) =>
    expect(eventsOf(of(into({ [name]: { ref: 'r', source: 'SHORTLINK', type: 'OPEN_THREAD' } })))).toMatchObject([
      { kind: 'conversation', conversations: [{ keys: [person], kind: 'person', lastActionAt: sentAt }], at: sentAt },
    ]),
  );

  it('a reaction is of the person or of the account, and one of the person opens the window', () => {
    const reaction = { mid: 'm_2', action: 'react', reaction: 'love', emoji: '❤️' };
    expect(eventsOf(of(into({ reaction })))).toMatchObject([
      { kind: 'reaction', messageKeys: ['m_2'], emoji: '❤️', by: { keys: [person] }, at: sentAt },
      { kind: 'conversation', conversations: [{ lastActionAt: sentAt }] },
    ]);
    expect(eventsOf(of(from({ reaction })))).toMatchObject([
      { kind: 'reaction', by: { keys: [account], isSelf: true } },
    ]);
    expect(one(of(into({ reaction: { mid: 'm_2', action: 'unreact' } })))).toMatchObject({
      kind: 'reaction',
      emoji: null,
    });
    expect(one(of(into({ reaction: { mid: 'm_2', action: 'react', reaction: 'like' } })))).toMatchObject({
      emoji: '👍',
    });
    const keys = [reaction, { ...reaction, action: 'unreact' }].map(
      (told) => one(of(into({ reaction: told }))).dedupeKey,
    );
    expect(new Set(keys).size).toBe(2);
  });

  it('an edit has its text; one that changes nothing is kept alone', () => {
    expect(one(of(into({ message_edit: { mid: 'm', text: 'Better', num_edit: '1' } })))).toMatchObject({
      kind: 'edit',
      messageKeys: ['m'],
      text: 'Better',
      at: sentAt,
    });
    expect(one(of(into({ message_edit: { mid: 'm', num_edit: 0 } })))).toMatchObject({ kind: 'other' });
    const keys = [1, 2].map(
      (n) => one(of(into({ message_edit: { mid: 'm', text: 'Better', num_edit: n } }))).dedupeKey,
    );
    expect(new Set(keys).size).toBe(2);
  });

  it('an unsent message is deleted', () =>
    expect(one(of(into({ message: { mid: 'm', is_deleted: true } })))).toMatchObject({
      kind: 'delete',
      messageKeys: ['m'],
      at: sentAt,
    }));
});

describe('what was read and delivered', () => {
  it('of Messenger is told up to a time, and by id where it is named', () => {
    expect(eventsOf(ofPage(incoming({ read: { watermark: sentAt } })))).toMatchObject([
      { kind: 'watermark', status: 'read', conversationKeys: [person], upTo: sentAt },
    ]);
    const { timestamp: _, ...untimed } = incoming({ delivery: { watermark: sentAt, mids: ['m_1', 'm_2'] } }) as any;
    expect(eventsOf(ofPage(untimed))).toMatchObject([
      { kind: 'receipt', status: 'delivered', messageKeys: ['m_1'], at: sentAt },
      { kind: 'receipt', status: 'delivered', messageKeys: ['m_2'], at: sentAt },
      { kind: 'watermark', status: 'delivered', conversationKeys: [person], upTo: sentAt },
    ]);
    expect(eventsOf(ofPage(incoming({ delivery: { watermark: sentAt } })))).toHaveLength(1);
  });

  it('of Instagram names the newest message that was seen', () =>
    expect(eventsOf(ofInstagram(incoming({ read: { mid: 'm_1' } }, instagramId)))).toMatchObject([
      { kind: 'receipt', status: 'read', messageKeys: ['m_1'], by: null, at: sentAt },
      { kind: 'watermark', status: 'read', conversationKeys: [person], upTo: sentAt },
    ]));
});

describe('Instagram', () => {
  it('may tell messages as changes, with the same fields', () => {
    const value = incoming({ message: { mid: 'm', text: 'Hi' } }, instagramId);
    const body = (field: string, told: object) => ({
      object: 'instagram',
      entry: [{ id: instagramId, time: 1, changes: [{ field, value: told }] }],
    });
    expect(one(body('messages', value))).toMatchObject({ kind: 'message', message: { text: 'Hi', sentAt } });
    expect(one(body('messages', { ...value, timestamp: seconds }))).toMatchObject({ message: { sentAt: inSeconds } });
    expect(one(body('comments', { id: '1', text: 'Nice', from: { id: '9' } }))).toMatchObject({
      kind: 'other',
      type: 'instagram.comments',
    });
  });
});

describe('WhatsApp', () => {
  const contacts = [{ profile: { name: 'Zanele' }, wa_id: '27820000001', user_id: 'ZA.70000000000000001' }];
  const [jid, bsuid] = ['27820000001@s.whatsapp.net', 'ZA.70000000000000001'];
  const message = (more: object, value: object = { contacts }) =>
    one(
      ofNumber({
        ...value,
        messages: [{ id: 'wamid.1', timestamp: seconds, type: 'text', text: { body: 'Sawubona' }, ...more }],
      }),
    );

  it('a message is read whole', () =>
    expect(message({ from: '27820000001', from_user_id: bsuid, context: { id: 'wamid.0' } })).toMatchObject({
      kind: 'message',
      providerAccountId: numberId,
      message: {
        keys: ['wamid.1'],
        conversationKeys: [bsuid, jid],
        direction: 'in',
        sender: { keys: [bsuid, jid], name: 'Zanele', phone: '+27820000001', isSelf: false },
        text: 'Sawubona',
        sentAt: inSeconds,
        quotedKey: 'wamid.0',
      },
      conversation: { keys: [bsuid, jid], kind: 'person' },
    }));

  it.each<[string, object, object, string[]]>([
    ['by number alone', { from: '27820000001' }, {}, [jid]],
    ['by id alone', { from_user_id: bsuid }, {}, [bsuid]],
    ['by id, with an empty number', { from: '', from_user_id: bsuid }, {}, [bsuid]],
    ['by number, the id beside it', { from: '27820000001' }, { contacts }, [bsuid, jid]],
    ['by id, the number beside it', { from_user_id: bsuid }, { contacts }, [bsuid, jid]],
    [
      'by id, its contact without a number',
      { from_user_id: bsuid },
      { contacts: [{ user_id: bsuid, wa_id: '' }] },
      [bsuid],
    ],
    [
      'with the id of the business portfolio',
      { from_user_id: bsuid, from_parent_user_id: 'ZA.ENT.8' },
      {},
      [bsuid, 'ZA.ENT.8'],
    ],
  ])('names the person %s', (_name, more, value, keys) => {
    const event = message(more, value);
    expect(event.message).toMatchObject({ conversationKeys: keys, sender: { keys } });
  });

  it('of a group is in the group', () =>
    expect(message({ from: '27820000001', group_id: 'group-1' })).toMatchObject({
      message: { conversationKeys: ['group-1'], sender: { keys: [bsuid, jid] } },
      conversation: { keys: ['group-1'], kind: 'group' },
    }));

  it.each<[string, object, string | null]>([
    ['image', { image: { id: '1', caption: 'Look' } }, 'Look'],
    ['document', { document: { id: '1', filename: 'a.pdf' } }, null],
    [
      'location',
      { location: { latitude: -33.9, longitude: 18.4, name: 'Karoo', address: 'Main Rd' } },
      'Karoo\nMain Rd\n-33.9, 18.4',
    ],
    [
      'contacts',
      { contacts: [{ name: { formatted_name: 'Ana' }, phones: [{ phone: '+33 6 39 98 00 01' }] }, {}] },
      'Ana\n+33639980001',
    ],
    ['button', { button: { text: 'Yes', payload: 'YES' } }, 'Yes'],
    ['interactive', { interactive: { type: 'list_reply', list_reply: { id: 'r', title: 'Tea' } } }, 'Tea'],
    ['interactive', { interactive: { type: 'nfm_reply', nfm_reply: { body: 'Sent', response_json: '{}' } } }, 'Sent'],
    [
      'order',
      { order: { text: 'Please', product_items: [{ product_retailer_id: 'tea', quantity: 2 }] } },
      'Please\n2 x tea',
    ],
    ['unsupported', { unsupported: { type: 'poll', raw_type: 'poll_creation' }, errors: [{ code: 131051 }] }, null],
    ['something_new', { something_new: {} }, null],
  ])('a message of the type %s has its text', (type, more, text) => {
    const event = message({ from: '27820000001', type, text: undefined, ...more });
    expect(event).toMatchObject({ kind: 'message', message: { text } });
  });

  it('keeps what a button, a forward, an advertisement and an unknown type tell', () => {
    const context = (more: object) => message({ from: '27820000001', ...more }).message.context;
    expect(context({ type: 'button', button: { text: 'Yes', payload: 'YES' } })).toEqual({ payload: 'YES' });
    expect(
      context({ type: 'interactive', interactive: { type: 'button_reply', button_reply: { id: 'b', title: 'Yes' } } }),
    ).toEqual({ payload: 'b' });
    expect(context({ context: { forwarded: true } })).toEqual({ forwarded: true });
    expect(
      context({
        referral: { source_url: 'https://fb.me/a', source_type: 'ad', source_id: '7', headline: 'Sale', body: 'Now' },
      }),
    ).toEqual({
      referral: { source: 'ad', id: '7', headline: 'Sale', body: 'Now', url: 'https://fb.me/a' },
    });
    expect(context({ type: 'unsupported', unsupported: { raw_type: 'poll_creation' } })).toEqual({
      contentType: 'poll_creation',
    });
    expect(context({ type: 'something_new' })).toEqual({ contentType: 'something_new' });
    expect(context({})).toBeUndefined();
  });

  it.each([
    ['image', 'image'],
    ['video', 'video'],
    ['audio', 'audio'],
    ['document', 'document'],
    ['sticker', 'sticker'],
  ])('a file of the type %s is fetched by its id', (type, kind) => {
    const file = {
      id: '900',
      mime_type: 'audio/ogg; codecs=opus',
      voice: true,
      url: 'https://lookaside.fbsbx.com/a',
      filename: 'a.bin',
    };
    expect(message({ from: '27820000001', type, [type]: file }).message.attachments).toMatchObject([
      { key: '0', kind, mimeType: 'audio/ogg', fileName: 'a.bin', voice: true, source: { media: '900' } },
    ]);
  });

  it('reactions, edits and deletions are of other messages', () => {
    const from = { from: '27820000001' };
    const reaction = (told: object) =>
      eventsOf(
        ofNumber({
          messages: [
            { id: 'w', timestamp: seconds, ...from, type: 'reaction', reaction: { message_id: 'wamid.0', ...told } },
          ],
        }),
      );
    expect(reaction({ emoji: '👍' })).toMatchObject([
      { kind: 'reaction', messageKeys: ['wamid.0'], emoji: '👍', by: { keys: [jid] }, at: inSeconds },
      { kind: 'conversation', conversations: [{ keys: [jid], lastActionAt: inSeconds }] },
    ]);
    for (const told of [{}, { emoji: '' }]) expect(reaction(told)[0]).toMatchObject({ emoji: null });
    expect(
      message({
        ...from,
        type: 'edit',
        edit: { original_message_id: 'wamid.0', message: { type: 'text', text: { body: 'Better' } } },
      }),
    ).toMatchObject({
      kind: 'edit',
      messageKeys: ['wamid.0'],
      text: 'Better',
    });
    expect(message({ ...from, type: 'revoke', revoke: { original_message_id: 'wamid.0' } })).toMatchObject({
      kind: 'delete',
      messageKeys: ['wamid.0'],
    });
  });

  it('a change of ids joins the old ones and the new ones', () => {
    const system = (told: object) => message({ from: '27820000001', type: 'system', system: told }, {});
    expect(system({ type: 'user_changed_number', wa_id: '27820000002', body: 'Changed' })).toMatchObject({
      message: { event: 'id_changed', text: 'Changed', conversationKeys: [jid, '27820000002@s.whatsapp.net'] },
    });
    const changed = message(
      {
        from_user_id: 'ZA.2',
        type: 'system',
        system: { type: 'user_changed_user_id', user_id: 'ZA.2', previous_user_id: 'ZA.1' },
      },
      {},
    );
    expect(changed.message).toMatchObject({
      event: 'id_changed',
      conversationKeys: ['ZA.2', 'ZA.1'],
      sender: { keys: ['ZA.2', 'ZA.1'] },
    });
    expect(system({ type: 'customer_identity_changed' }).message).toMatchObject({ event: 'unknown' });
  });

  const status = (more: object) =>
    one(
      ofNumber({
        statuses: [{ id: 'wamid.9', status: 'sent', timestamp: seconds, recipient_id: '27820000001', ...more }],
      }),
    );

  it.each(['sent', 'delivered', 'read', 'played'])('a status says %s, with its price', (word) =>
    expect(
      status({
        status: word,
        biz_opaque_callback_data: reference,
        pricing: { billable: true, pricing_model: 'PMP', type: 'regular', category: 'utility' },
      }),
    ).toMatchObject({
      kind: 'receipt',
      providerAccountId: numberId,
      status: word,
      messageKeys: ['wamid.9', reference],
      by: null,
      at: inSeconds,
      pricing: { billable: true, model: 'PMP', type: 'regular', category: 'utility' },
    }),
  );

  it.each([
    [131_047, 'window_closed'],
    [131_026, 'recipient_unreachable'],
    [131_049, 'message_held_back'],
    [132_001, 'template_refused'],
    [999_999, 'request_refused'],
  ])('a failed status tells why: %i is %s', (code, reason) => {
    const event = status({ status: 'failed', errors: [{ code, title: 'A title of 27820000001' }] });
    expect(event).toMatchObject({
      status: 'failed',
      failure: { reason, detail: expect.stringContaining(String(code)) },
    });
    expect(event.failure.detail).not.toContain('27820000001');
    expect(status({ status: 'failed' }).failure).toMatchObject({ reason: 'request_refused' });
  });

  it('a status of a group is of one of its people', () =>
    expect(
      status({ recipient_type: 'group', recipient_id: 'group-1', recipient_participant_id: '27820000001' }),
    ).toMatchObject({ by: { keys: [jid] }, conversationKeys: ['group-1'] }));

  it('statuses that differ are not one', () => {
    const keys = ['sent', 'delivered', 'warning', 'odd!'].map((word) => status({ status: word }).dedupeKey);
    expect(new Set(keys).size).toBe(4);
    expect(status({ status: 'warning' })).toMatchObject({ kind: 'receipt', status: null });
  });

  it('echoes of the app on the phone are of the account', () =>
    expect(
      one(
        ofNumber(
          {
            message_echoes: [
              {
                id: 'w',
                from: '27110000000',
                to: '27820000001',
                to_user_id: bsuid,
                timestamp: seconds,
                type: 'text',
                text: { body: 'Hi' },
              },
            ],
          },
          'smb_message_echoes',
        ),
      ),
    ).toMatchObject({
      kind: 'message',
      message: { direction: 'out', sender: null, conversationKeys: [bsuid, jid], status: 'sent' },
    }));

  it('a history is no news, and tells who wrote what', () => {
    const messages = [
      {
        id: 'a',
        from: '27820000001',
        timestamp: seconds,
        type: 'text',
        text: { body: 'Hi' },
        history_context: { status: 'READ' },
      },
      {
        id: 'b',
        from: '27110000000',
        timestamp: seconds,
        type: 'text',
        text: { body: 'Yes' },
        history_context: { status: 'READ' },
      },
      { id: 'c', from: '27110000000', timestamp: seconds, type: 'media_placeholder' },
    ];
    const events = eventsOf(
      ofNumber({ history: [{ metadata: { phase: 0 }, threads: [{ id: '27820000001', messages }] }] }, 'history'),
    );
    expect(events).toMatchObject([
      { kind: 'message', isHistory: true, message: { direction: 'in', status: null, conversationKeys: [jid] } },
      { kind: 'message', isHistory: true, message: { direction: 'out', status: 'read', conversationKeys: [jid] } },
      { kind: 'message', isHistory: true, message: { context: { contentType: 'media_placeholder' } } },
    ]);
  });

  it.each<[string, string, object, string]>([
    ['account_update', 'PARTNER_REMOVED', {}, 'login_lost'],
    ['account_update', 'PARTNER_APP_UNINSTALLED', {}, 'login_lost'],
    ['account_update', 'ACCOUNT_OFFBOARDED', {}, 'login_lost'],
    ['account_update', 'ACCOUNT_DELETED', {}, 'deleted'],
    ['account_update', 'ACCOUNT_RESTRICTION', {}, 'degraded'],
    ['account_update', 'ACCOUNT_RECONNECTED', {}, 'linked'],
    ['account_update', 'DISABLED_UPDATE', { ban_info: { waba_ban_state: 'DISABLE' } }, 'degraded'],
    ['account_update', 'DISABLED_UPDATE', { ban_info: { waba_ban_state: 'REINSTATE' } }, 'linked'],
    ['account_update', 'SOMETHING_NEW', {}, 'unknown'],
    ['phone_number_quality_update', 'FLAGGED', {}, 'unknown'],
  ])('%s %s is told of every number of the business account', (field, event, more, expected) =>
    expect(
      one({
        object: 'whatsapp_business_account',
        entry: [{ id: businessId, changes: [{ field, value: { event, ...more } }] }],
      }),
    ).toMatchObject({
      kind: 'account_status',
      status: expected,
      providerAccountId: null,
      providerGroup: `waba:${businessId}`,
    }),
  );

  it('changes of templates are kept', () =>
    expect(
      one({
        object: 'whatsapp_business_account',
        entry: [
          { id: businessId, changes: [{ field: 'message_template_status_update', value: { event: 'REJECTED' } }] },
        ],
      }),
    ).toMatchObject({ kind: 'other', type: 'whatsapp.message_template_status_update.rejected' }));
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

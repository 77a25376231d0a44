import {
  eventsOf,
  incoming,
  instagramId,
  ofInstagram,
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

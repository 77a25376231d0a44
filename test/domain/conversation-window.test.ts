import { wayOutOf, windowOf } from '../../domain/conversation-window.ts';
import { whyUnsendable, type MessageCapabilities } from '../../domain/message-capabilities.ts';

const window = { hours: 24, wayOut: { template: true, tags: [{ name: 'HUMAN_AGENT', hours: 168 }] } } as const;
const acted = new Date('2026-11-02T10:00:00Z');
const at = (hours: number): Date => new Date(acted.getTime() + hours * 3_600_000);

describe('the window of a conversation', () => {
  it('is open for some hours after the person acted, to the millisecond', () => {
    expect(windowOf({ window }, acted, acted)).toEqual({ isOpen: true, openUntil: at(24) });
    expect(windowOf({ window }, acted, new Date(at(24).getTime() - 1))).toMatchObject({ isOpen: true });
    expect(windowOf({ window }, acted, at(24))).toEqual({ isOpen: false, openUntil: at(24) });
  });

  it('is open for longer with a tag that the channel has', () => {
    expect(windowOf({ window }, acted, at(30), 'HUMAN_AGENT')).toEqual({ isOpen: true, openUntil: at(168) });
    expect(windowOf({ window }, acted, at(168), 'HUMAN_AGENT')).toMatchObject({ isOpen: false });
    expect(windowOf({ window }, acted, at(30), 'ANOTHER')).toMatchObject({ isOpen: false });
  });

  it('is unknown where it is not known when the person acted, and none where the channel has none', () => {
    expect(windowOf({ window }, null, acted)).toEqual({ isOpen: null, openUntil: null });
    expect(windowOf({}, acted, at(999))).toBeNull();
  });

  it('tells the way out', () => {
    expect(wayOutOf(window)).toBe(
      'Send a template at any time, or with tag HUMAN_AGENT up to 168 hours after the person wrote.',
    );
    expect(wayOutOf({ hours: 24, wayOut: {} })).toBe('Wait until the person writes.');
  });
});

describe('templates, quick replies and tags', () => {
  const capabilities: MessageCapabilities = {
    textLimit: 100,
    captionLimit: 100,
    attachments: { image: { maxBytes: 100 }, video: { maxBytes: 100, alone: true } },
    attachmentsPerMessage: 3,
    reply: true,
    react: true,
    edit: null,
    remove: null,
    typing: null,
    markRead: true,
    receipts: { delivered: true, read: true },
    groups: false,
    startBy: ['phone'],
    templates: true,
    quickReplies: { most: 2, titleLimit: 5 },
    window,
  };
  const template = { name: 'hello', language: 'en', header: [], body: [], buttons: [] };
  const why = (text: string | null, options: object, without: Partial<MessageCapabilities> = {}) =>
    whyUnsendable({ ...capabilities, ...without }, { text, attachments: [], isReply: false, options });

  it.each<[string, string | null, object, object, RegExp | null]>([
    ['a template alone', null, { template }, {}, null],
    ['a template with a text', 'Hi', { template }, {}, /own text/],
    ['a template with quick replies', null, { template, quickReplies: [{ title: 'Yes' }] }, {}, /own buttons/],
    ['a template where there are none', null, { template }, { templates: undefined }, /cannot be sent here/],
    ['quick replies', 'Hi?', { quickReplies: [{ title: 'Yes' }, { title: 'No' }] }, {}, null],
    ['quick replies without a text', null, { quickReplies: [{ title: 'Yes' }] }, {}, /needs a text/],
    ['too many quick replies', 'Hi?', { quickReplies: [1, 2, 3].map((n) => ({ title: `${n}` })) }, {}, /at most 2/],
    ['a long quick reply', 'Hi?', { quickReplies: [{ title: 'Perhaps' }] }, {}, /longer than 5/],
    [
      'quick replies where there are none',
      'Hi?',
      { quickReplies: [{ title: 'Yes' }] },
      { quickReplies: undefined },
      /cannot/,
    ],
    ['a tag', 'Hi', { tag: 'HUMAN_AGENT' }, {}, null],
    ['an unknown tag', 'Hi', { tag: 'ACCOUNT_UPDATE' }, {}, /tag must be one of HUMAN_AGENT/],
    ['a tag where there are none', 'Hi', { tag: 'HUMAN_AGENT' }, { window: undefined }, /no tag/],
  ])('%s is judged before it is sent', (_, text, options, without, expected) => {
    const found = why(text, options, without);
    if (expected) expect(found).toMatch(expected);
    else expect(found).toBeNull();
  });

  it('files that go alone go alone', () => {
    const file = (kind: 'image' | 'video') => ({ kind, size: 1, mimeType: null });
    const judge = (...kinds: ('image' | 'video')[]) =>
      whyUnsendable(capabilities, { text: null, attachments: kinds.map(file), isReply: false });
    expect([judge('image', 'image'), judge('video')]).toEqual([null, null]);
    expect(judge('image', 'video')).toMatch(/video goes alone/);
  });
});

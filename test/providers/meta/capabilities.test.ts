import type { Channel } from '../../../domain/channels.ts';
import { kindOfFile, whyUnsendable, type AttachmentKind } from '../../../domain/message-capabilities.ts';
import { meta } from '../../../providers/meta/index.ts';

const { capabilities } = meta.messages;
const mb = 1024 * 1024;
const file = (kind: AttachmentKind, mimeType: string, size = 1) => ({ kind, mimeType, size });
const why = (channel: Channel, text: string | null, ...attachments: ReturnType<typeof file>[]) =>
  whyUnsendable(capabilities[channel]!, { text, attachments, isReply: false });

it.each<[Channel, string | null, ReturnType<typeof file>[], RegExp | null]>([
  ['messenger', 'a'.repeat(2_000), [], null],
  ['messenger', 'a'.repeat(2_001), [], /at most 2000/],
  ['instagram', 'a'.repeat(1_001), [], /at most 1000/],
  ['whatsapp', 'a'.repeat(4_097), [], /at most 4096/],
  ['messenger', 'See', [file('image', 'image/png')], /No text goes with/],
  ['instagram', 'See', [file('image', 'image/png')], /No text goes with/],
  ['whatsapp', 'See', [file('image', 'image/png')], null],
  ['whatsapp', 'a'.repeat(1_025), [file('image', 'image/png')], /at most 1024/],
  ['whatsapp', 'See', [file('audio', 'audio/ogg; codecs=opus')], /No text goes with/],
  ['instagram', null, [file('image', 'image/gif', 8 * mb)], null],
  ['instagram', null, [file('image', 'image/png', 8 * mb + 1)], /at most 8388608/],
  ['instagram', null, [file('image', 'image/webp')], /cannot be sent as image/],
  ['instagram', null, [file('document', 'application/pdf')], null],
  ['instagram', null, [file('document', 'text/plain')], /cannot be sent as document/],
  ['instagram', null, [file('image', 'image/png'), file('image', 'image/png')], null],
  ['instagram', null, [file('image', 'image/png'), file('video', 'video/mp4')], /goes alone/],
  ['messenger', null, [file('image', 'image/png'), file('image', 'image/png')], /at most 1 attachment/],
  ['whatsapp', null, [file('image', 'image/png', 5 * mb + 1)], /at most 5242880/],
  ['whatsapp', null, [file('video', 'video/mp4', 16 * mb + 1)], /at most 16777216/],
  ['whatsapp', null, [file('document', 'application/zip', 100 * mb)], null],
  ['whatsapp', null, [file('sticker', 'image/webp', 500 * 1024)], null],
])('%s takes what Meta documents: %#', (channel, text, attachments, expected) => {
  const found = why(channel, text, ...attachments);
  if (expected) expect(found).toMatch(expected);
  else expect(found).toBeNull();
});

it('a file that its kind does not take goes as a document, where documents take it', () => {
  expect(kindOfFile(capabilities.whatsapp!, file('image', 'image/gif'))).toBe('document');
  expect(kindOfFile(capabilities.whatsapp!, file('image', 'image/png', 6 * mb))).toBe('document');
  expect(kindOfFile(capabilities.whatsapp!, file('image', 'image/png'))).toBe('image');
});

it('tells the window of 24 hours, and the way out of it', () => {
  expect(capabilities.whatsapp).toMatchObject({ window: { hours: 24, wayOut: { template: true } }, templates: true });
  for (const channel of ['messenger', 'instagram'] as const)
    expect(capabilities[channel]).toMatchObject({
      window: { hours: 24, wayOut: { tags: [{ name: 'HUMAN_AGENT', hours: 168 }] } },
      quickReplies: { most: 13 },
    });
});

import fc from 'fast-check';
import type { SeenConversation, SeenMessage, SeenPerson } from '../../domain/seen-messages.ts';
import { readChat } from '../../providers/unipile/seen-conversations.ts';
import { readThread } from '../../providers/meta/conversations.ts';
import { readMessage as readMetaMessage } from '../../providers/meta/seen-messages.ts';
import { readParticipant, readProfile } from '../../providers/meta/seen-people.ts';
import { readMessage as readUnipileMessage } from '../../providers/unipile/seen-messages.ts';
import { readAttendee } from '../../providers/unipile/seen-people.ts';
import { readMessage as readWasenderMessage } from '../../providers/wasender/seen-messages.ts';

/** Fields of every object that is read, with any value: of the right kind, of another, deep, absent. */
const fields = [
  ['id', 'provider_id', 'chat_id', 'chat_provider_id', 'sender_id', 'text', 'timestamp', 'is_sender', 'attachments'],
  ['reactions', 'seen', 'seen_by', 'deleted', 'edited', 'is_event', 'event_type', 'quoted', 'hidden', 'delivered'],
  ['type', 'name', 'unread_count', 'archived', 'muted_until', 'pinned', 'read_only', 'attendee_provider_id'],
  ['specifics', 'phone_number', 'lid', 'is_self', 'picture_url', 'public_identifier', 'url', 'url_expires_at', 'size'],
  ['key', 'message', 'messageBody', 'messageTimestamp', 'pushName', 'msgId', 'remoteJid', 'fromMe', 'participant'],
  [
    'from',
    'to',
    'created_time',
    'updated_time',
    'participants',
    'data',
    'mime_type',
    'image_data',
    'video_data',
    'story',
  ],
  ['shares', 'sticker', 'reactions', 'reaction', 'users', 'emoji', 'username', 'reply_to', 'mid', 'mention', 'link'],
  ['imageMessage', 'ephemeralMessage', 'extendedTextMessage', 'contextInfo', 'stanzaId', 'mediaKey', 'low', 'status'],
].flat();

const leaf = fc.oneof(
  fc.constantFrom('hidden', '900000000000001@lid', '15550123:4@s.whatsapp.net', '1203@g.us', 'att://a', '\0', '\ud800'),
  fc.constantFrom(
    null,
    -1,
    0,
    1,
    true,
    false,
    Number.MAX_VALUE,
    1_770_109_260,
    '1770109260000',
    '2026-02-03T09:00:00Z',
  ),
  fc.string({ unit: 'binary' }),
  fc.constant('a'.repeat(600)),
  fc.double({ noNaN: true, noDefaultInfinity: true }),
);
const { object } = fc.letrec<{ value: unknown; object: unknown }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 4, withCrossShrink: true },
    leaf,
    tie('object'),
    fc.array(tie('value'), { maxLength: 4 }),
  ),
  object: fc.dictionary(fc.oneof(fc.constantFrom(...fields), fc.string()), tie('value'), { maxKeys: 12 }),
}));

function everyText(of: unknown): string[] {
  if (typeof of === 'string') return [of];
  return of !== null && typeof of === 'object' ? Object.values(of).flatMap(everyText) : [];
}

/** What is stored of it; sources are the provider's own. */
function storedOf(seen: SeenMessage | SeenConversation | SeenPerson): object {
  const { pictureSource: _picture, attachments, ...stored } = { pictureSource: null, attachments: [], ...seen };
  return { ...stored, attachments: attachments.map(({ source: _source, ...file }) => file) };
}

function requireSound(seen: SeenMessage | SeenConversation | SeenPerson | null): void {
  if (seen === null) return;
  expect(seen.keys.length).toBeGreaterThan(0);
  expect(new Set(seen.keys).size).toBe(seen.keys.length);
  const stored = storedOf(seen);
  for (const text of everyText(stored)) expect([text.includes('\0'), text.isWellFormed()]).toEqual([false, true]);
  const { sentAt = null, lastMessageAt = null } = { ...(seen as Partial<SeenMessage & SeenConversation>) };
  for (const at of [sentAt, lastMessageAt]) expect(at === null || !Number.isNaN(new Date(at).getTime())).toBe(true);
  for (const key of seen.keys) expect(key.length).toBeLessThanOrEqual(1_001);
  expect(JSON.parse(JSON.stringify(stored))).toEqual(stored);
}

it.each<[string, (entry: unknown) => SeenMessage | SeenConversation | SeenPerson | null]>([
  ['a message of UniPile', (entry) => readUnipileMessage('whatsapp', entry)],
  ['a message of UniPile on Telegram', (entry) => readUnipileMessage('telegram', entry)],
  ['a chat of UniPile', (entry) => readChat('whatsapp', entry)],
  ['an attendee of UniPile', (entry) => readAttendee('whatsapp', entry)],
  ['a message of WASender', readWasenderMessage],
  ['a message of Meta', (entry) => readMetaMessage(entry, ['t_1'], new Set(['1']))],
  ['a conversation of Meta', (entry) => readThread(entry as object as Record<string, unknown>, new Set(['1']))],
  ['a participant of Meta', (entry) => readParticipant(entry, new Set(['1']))],
  ['a profile of Meta', (entry) => readProfile('1', entry as Record<string, unknown>)],
])('%s is read or left out, whatever is in it', (_, read) => {
  fc.assert(
    fc.property(object, fc.constantFrom('id', 'provider_id', 'msgId'), (entry, name) => {
      requireSound(read(entry));
      requireSound(read({ [name]: 'a', ...(entry as object) }));
    }),
    { numRuns: 200 },
  );
});

import { exists } from '../world/generated-people.ts';
import { mix } from '../world/random.ts';
import { hasChat, messagesIn } from './chat-store.ts';
import { notFound } from './errors.ts';
import { chatExists, isGenerated, messageCount, type GeneratedKind } from './generated-chats.ts';
import type { State } from './state.ts';
import type { Account, AttendeeRef, ChatRef, StoredMessage } from './types.ts';

// Ids of 22 url-safe characters that contain kind and index: any of millions of generated entries is found without a
// table. Bytes: account tag, kind with index, second index, and a check that also scrambles the rest.
const ID_KINDS = [
  'person',
  'self',
  'unlisted',
  'single',
  'group',
  'started',
  'single_message',
  'group_message',
  'stored_message',
  'attachment',
] as const;
type IdKind = (typeof ID_KINDS)[number];

interface IdParts {
  tag: number;
  kind: IdKind;
  /** Below 2^27. */
  a: number;
  /** Below 2^32. */
  b: number;
}

/** Ids that change with the seed of the generated contacts. */
const SEEDED = new Set<IdKind>(['person', 'single', 'group', 'single_message', 'group_message']);

export function encodeId({ tag, kind, a, b }: IdParts, seed: number): string {
  const w1 = ((ID_KINDS.indexOf(kind) << 27) | a) >>> 0;
  const check = mix(tag, w1, b, SEEDED.has(kind) ? seed : 0);
  const bytes = Buffer.allocUnsafe(16);
  bytes.writeUInt32BE((tag ^ mix(check, 1)) >>> 0, 0);
  bytes.writeUInt32BE((w1 ^ mix(check, 2)) >>> 0, 4);
  bytes.writeUInt32BE((b ^ mix(check, 3)) >>> 0, 8);
  bytes.writeUInt32BE(check, 12);
  return bytes.toString('base64url');
}

/** Null for other ids. `seedOf`: the seed of the account with that tag. */
function decodeId(id: string, seedOf: (tag: number) => number | undefined): IdParts | null {
  if (id.length !== 22) return null;
  const bytes = Buffer.from(id, 'base64url');
  if (bytes.length !== 16 || bytes.toString('base64url') !== id) return null;
  const check = bytes.readUInt32BE(12);
  const tag = (bytes.readUInt32BE(0) ^ mix(check, 1)) >>> 0;
  const w1 = (bytes.readUInt32BE(4) ^ mix(check, 2)) >>> 0;
  const b = (bytes.readUInt32BE(8) ^ mix(check, 3)) >>> 0;
  const kind = ID_KINDS[w1 >>> 27];
  const seed = seedOf(tag);
  if (!kind || seed === undefined) return null;
  if (mix(tag, w1, b, SEEDED.has(kind) ? seed : 0) !== check) return null;
  return { tag, kind, a: w1 & 0x7ffffff, b };
}

export type MessageRef =
  | { kind: 'generated'; chat: ChatRef & { kind: GeneratedKind }; m: number }
  | { kind: 'stored'; message: StoredMessage };

export function chatId(account: Account, ref: ChatRef): string {
  return encodeId({ tag: account.tag, kind: ref.kind, a: ref.index, b: 0 }, account.store.people.hash);
}

export function attendeeId(account: Account, ref: AttendeeRef): string {
  return encodeId({ tag: account.tag, kind: ref.kind, a: ref.index, b: 0 }, account.store.people.hash);
}

export function messageId(account: Account, ref: MessageRef): string {
  const { hash } = account.store.people;
  if (ref.kind === 'stored')
    return encodeId({ tag: account.tag, kind: 'stored_message', a: 0, b: ref.message.n }, hash);
  return encodeId({ tag: account.tag, kind: `${ref.chat.kind}_message`, a: ref.chat.index, b: ref.m }, hash);
}

/** Throws 404. */
export function findChat(state: State, id: string): { account: Account; ref: ChatRef } {
  const { account, parts } = resolveId(state, id, 'Chat');
  if (parts.kind === 'single' || parts.kind === 'group' || parts.kind === 'started') {
    const ref: ChatRef = { kind: parts.kind, index: parts.a };
    if (hasChat(account.store, ref) && hasContent(account, ref)) return { account, ref };
  }
  throw notFound('Chat');
}

/** Throws 404. */
export function findAttendee(state: State, id: string): { account: Account; ref: AttendeeRef } {
  const { account, parts } = resolveId(state, id, 'Attendee');
  const { store } = account;
  const there =
    (parts.kind === 'person' && exists(store.people, parts.a)) ||
    (parts.kind === 'unlisted' && parts.a < store.unlisted.length) ||
    (parts.kind === 'self' && account.identity !== null);
  if (!there) throw notFound('Attendee');
  return { account, ref: { kind: parts.kind as AttendeeRef['kind'], index: parts.a } };
}

/** Throws 404. */
export function findMessage(state: State, id: string): { account: Account; ref: MessageRef } {
  const { account } = resolveId(state, id, 'Message');
  const ref = messageById(account, id);
  if (!ref) throw notFound('Message');
  return { account, ref };
}

/** A started chat is shown from its first message on. */
function hasContent(account: Account, ref: ChatRef): boolean {
  return isGenerated(ref) || messagesIn(account.store, ref) > 0;
}

export function messageById(account: Account, id: string): MessageRef | null {
  const parts = decodeId(id, () => account.store.people.hash);
  if (!parts || parts.tag !== account.tag) return null;
  const { store } = account;
  if (parts.kind === 'stored_message') {
    const message = store.stored[parts.b];
    return message && !message.lagging ? { kind: 'stored', message } : null;
  }
  if (parts.kind !== 'single_message' && parts.kind !== 'group_message') return null;
  const kind = parts.kind === 'single_message' ? 'single' : 'group';
  const there = chatExists(store.people, kind, parts.a) && parts.b < messageCount(store.people, kind, parts.a);
  return there ? { kind: 'generated', chat: { kind, index: parts.a }, m: parts.b } : null;
}

/** Throws 404. */
export function resolveId(state: State, id: string, what: string): { account: Account; parts: IdParts } {
  const parts = decodeId(id, (tag) => state.byTag.get(tag)?.store.people.hash);
  const account = parts && state.byTag.get(parts.tag);
  if (!parts || !account) throw notFound(what);
  return { account, parts };
}

import type { ChatRef } from './types.ts';
import { type GeneratedPeople, exists, GROUP_EVERY, groupCount, originalMembers } from '../world/generated-people.ts';
import { mix } from '../world/random.ts';

// Single chat i ends at `base - i * STEP`, group g half a step after every twentieth of them; a chat's messages lie
// within half a step before its end. So the order of all messages is the order of the chats.
const STEP = 600_000;
const HALF = STEP / 2;
const MESSAGE_GAP = 30_000;

export type GeneratedKind = 'single' | 'group';

export function countOf(people: GeneratedPeople, kind: GeneratedKind): number {
  return kind === 'single' ? people.size : groupCount(people);
}

export function chatExists(people: GeneratedPeople, kind: GeneratedKind, index: number): boolean {
  return kind === 'single' ? exists(people, index) : index >= 0 && index < groupCount(people);
}

/** Milliseconds before `base` at which the chat ends. */
export function ageOf(kind: GeneratedKind, index: number): number {
  return kind === 'single' ? index * STEP : index * GROUP_EVERY * STEP + HALF;
}

/** The first chat that ends at least `age` ms before `base`. */
export function firstAtAge(kind: GeneratedKind, age: number): number {
  return kind === 'single'
    ? Math.max(0, Math.ceil(age / STEP))
    : Math.max(0, Math.ceil((age - HALF) / (GROUP_EVERY * STEP)));
}

/** The first chat whose oldest messages may be at least `age` ms before `base`. */
export function firstReaching(kind: GeneratedKind, age: number): number {
  return firstAtAge(kind, age - HALF);
}

export function messageCount(people: GeneratedPeople, kind: GeneratedKind, index: number): number {
  return 3 + (mix(people.hash, index, kind === 'single' ? 31 : 32) % 7);
}

/** Milliseconds before `base`; message 0 is the chat's newest. */
export function messageAge(kind: GeneratedKind, index: number, m: number): number {
  return ageOf(kind, index) + m * MESSAGE_GAP;
}

/** Null when the owner wrote the message. */
export function senderOf(people: GeneratedPeople, kind: GeneratedKind, index: number, m: number): number | null {
  const draw = mix(people.hash, index, kind === 'single' ? 51 : 52, m);
  if (draw % 3 === 0) return null;
  if (kind === 'single') return index;
  const members = originalMembers(people, index);
  return members[(draw >>> 8) % members.length]!;
}

export function unreadOf(people: GeneratedPeople, kind: GeneratedKind, index: number): number {
  if (senderOf(people, kind, index, 0) === null) return 0;
  const draw = mix(people.hash, index, kind === 'single' ? 61 : 62);
  return draw % 4 === 0 ? 1 + ((draw >>> 8) % 3) : 0;
}

const TEXTS = [
  'See you at nine',
  'Did you get the papers?',
  'Thanks, that helps a lot',
  'Can we move it to Thursday?',
  'On my way',
  'Let me check and come back to you',
  'Sounds good 👍',
  'Who else is coming?',
  'I will call you later',
  'Happy to help',
];

export function textOf(people: GeneratedPeople, kind: GeneratedKind, index: number, m: number): string {
  const draw = mix(people.hash, index, kind === 'single' ? 71 : 72, m);
  return `${TEXTS[draw % TEXTS.length]} (${kind === 'single' ? '' : 'g'}${index}.${m})`;
}

export type GeneratedAttachment = 'img' | 'audio' | 'file' | 'unavailable';
const ATTACHMENTS: GeneratedAttachment[] = ['img', 'img', 'file', 'audio', 'unavailable'];

/** About every fifth message has one. */
export function attachmentOf(
  people: GeneratedPeople,
  kind: GeneratedKind,
  index: number,
  m: number,
): GeneratedAttachment | null {
  const draw = mix(people.hash, index, kind === 'single' ? 81 : 82, m);
  return draw % 5 === 0 ? ATTACHMENTS[(draw >>> 8) % ATTACHMENTS.length]! : null;
}

export function reactionOf(people: GeneratedPeople, kind: GeneratedKind, index: number, m: number): string | null {
  const draw = mix(people.hash, index, kind === 'single' ? 91 : 92, m);
  return draw % 11 === 0 ? (['👍', '❤️', '😂'][(draw >>> 8) % 3] ?? null) : null;
}

export function isGenerated(ref: ChatRef): ref is ChatRef & { kind: GeneratedKind } {
  return ref.kind !== 'started';
}

import { mix } from '../world/random.ts';

/**
 * Ids of 22 url-safe characters that carry what they name, so that any of millions of generated entries is found
 * without a table. Bytes: account tag, kind with index, second index, and a check that also scrambles the rest.
 */
const ID_KINDS = [
  'person',
  'self',
  'stranger',
  'single',
  'group',
  'started',
  'single_message',
  'group_message',
  'stored_message',
  'attachment',
] as const;
type IdKind = (typeof ID_KINDS)[number];

export interface IdParts {
  tag: number;
  kind: IdKind;
  /** Below 2^27. */
  a: number;
  /** Below 2^32. */
  b: number;
}

/** Whose change makes new ids: people and their chats follow the address book's seed, the rest only the account. */
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

/** Null when the text is no id of this sandbox. `seedOf` tells the seed of the account with that tag. */
export function decodeId(id: string, seedOf: (tag: number) => number | undefined): IdParts | null {
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

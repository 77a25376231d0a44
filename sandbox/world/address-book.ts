import { hashText, mix } from './random.ts';

/** An address book of any size: only its size, its seed and how it was changed since. */
export interface AddressBook {
  size: number;
  seed: string;
  /** The seed as a number, for arithmetic. */
  hash: number;
  changes: BookChange[];
}

/** Entries whose place in this change's shuffle is below `removed` are gone; from there to `changed` they are different. */
interface BookChange {
  removed: number;
  changed: number;
  stride: number;
  shift: number;
}

export function createBook(size: number, seed: string): AddressBook {
  return { size, seed, hash: hashText(seed), changes: [] };
}

/**
 * Removes and changes exactly these shares of the whole book (rounded down), spread over it and not overlapping. Which
 * entries they are follows from the number of changes before.
 */
export function changeBook(book: AddressBook, change: number, remove: number): { changed: number; removed: number } {
  const removed = Math.floor(book.size * remove);
  const changed = Math.min(Math.floor(book.size * change), book.size - removed);
  const shift = (book.changes.length + 1) * 7919;
  book.changes.push({ removed, changed: removed + changed, stride: strideFor(book.size), shift });
  return { changed, removed };
}

export function exists(book: AddressBook, index: number): boolean {
  if (index < 0 || index >= book.size) return false;
  return book.changes.every((change) => place(book, change, index) >= change.removed);
}

/** How often this entry was changed. */
export function revision(book: AddressBook, index: number): number {
  let n = 0;
  for (const change of book.changes) {
    const at = place(book, change, index);
    if (at >= change.removed && at < change.changed) n++;
  }
  return n;
}

function place(book: AddressBook, { stride, shift }: BookChange, index: number): number {
  return ((index + shift) * stride) % book.size;
}

/** A step near the golden section that visits every entry once. */
function strideFor(size: number): number {
  let stride = Math.max(1, Math.floor(size * 0.618));
  while (gcd(stride, size) !== 1) stride++;
  return stride;
}

function gcd(a: number, b: number): number {
  return b === 0 ? a : gcd(b, a % b);
}

/** A book has one group for so many people. */
export const GROUP_EVERY = 20;

export const groupCount = (book: AddressBook): number => Math.ceil(book.size / GROUP_EVERY);

/** The 3 to 6 members of a group, without those removed from the book since. */
export function groupMembers(book: AddressBook, group: number): number[] {
  return originalMembers(book, group).filter((index) => exists(book, index));
}

/** Removed people included: they have written too. */
export function originalMembers(book: AddressBook, group: number): number[] {
  const members = new Set<number>();
  const wanted = 3 + (mix(book.hash, group, 41) % 4);
  for (let k = 0; k < wanted; k++) members.add(mix(book.hash, group, 42, k) % book.size);
  return [...members];
}

import { hashText } from './random.ts';

/** An address book of any size: only its size, its seed and how it was changed since. */
export interface AddressBook {
  size: number;
  seed: string;
  /** The seed as a number, for arithmetic. */
  hash: number;
  changes: BookChange[];
}

interface BookChange {
  /** Entries whose place in the shuffle is below `removed` are gone, those from there to `changed` are different. */
  removed: number;
  changed: number;
  stride: number;
  shift: number;
}

export function createBook(size: number, seed: string): AddressBook {
  return { size, seed, hash: hashText(seed), changes: [] };
}

/**
 * Removes and changes exactly these shares of the whole book (rounded down), spread over it and not meeting each other.
 * Which entries they are follows from the seed and the number of changes before.
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
  for (const change of book.changes) if (place(book, change, index) < change.removed) return false;
  return true;
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

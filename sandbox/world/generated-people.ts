import { hashText, mix } from './random.ts';

/** Any size: only size, seed and changes are stored. */
export interface GeneratedPeople {
  size: number;
  seed: string;
  /** The seed as a number. */
  hash: number;
  changes: PeopleChange[];
}

/** Entries whose place in this change's shuffle is below `removed` are gone; from there to `changed` they differ. */
interface PeopleChange {
  removed: number;
  changed: number;
  stride: number;
  shift: number;
}

export function createPeople(size: number, seed: string): GeneratedPeople {
  return { size, seed, hash: hashText(seed), changes: [] };
}

/** Exactly these shares (rounded down), without overlap. The entries follow from the number of earlier changes. */
export function changePeople(
  people: GeneratedPeople,
  change: number,
  remove: number,
): { changed: number; removed: number } {
  const removed = Math.floor(people.size * remove);
  const changed = Math.min(Math.floor(people.size * change), people.size - removed);
  const shift = (people.changes.length + 1) * 7919;
  people.changes.push({ removed, changed: removed + changed, stride: strideFor(people.size), shift });
  return { changed, removed };
}

export function exists(people: GeneratedPeople, index: number): boolean {
  if (index < 0 || index >= people.size) return false;
  return people.changes.every((change) => place(people, change, index) >= change.removed);
}

export function revision(people: GeneratedPeople, index: number): number {
  let n = 0;
  for (const change of people.changes) {
    const at = place(people, change, index);
    if (at >= change.removed && at < change.changed) n++;
  }
  return n;
}

function place(people: GeneratedPeople, { stride, shift }: PeopleChange, index: number): number {
  return ((index + shift) * stride) % people.size;
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

/** Contacts per group. */
export const GROUP_EVERY = 20;

export const groupCount = (people: GeneratedPeople): number => Math.ceil(people.size / GROUP_EVERY);

/** 3 to 6 members, without removed ones. */
export function groupMembers(people: GeneratedPeople, group: number): number[] {
  return originalMembers(people, group).filter((index) => exists(people, index));
}

/** Removed people included: they have written too. */
export function originalMembers(people: GeneratedPeople, group: number): number[] {
  const members = new Set<number>();
  const wanted = 3 + (mix(people.hash, group, 41) % 4);
  for (let k = 0; k < wanted; k++) members.add(mix(people.hash, group, 42, k) % people.size);
  return [...members];
}

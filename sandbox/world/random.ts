// The same parts always give the same number, in every process: a world of any size needs no memory.

/** FNV-1a over UTF-16 code units, as an unsigned 32-bit number. */
export function hashText(text: string): number {
  let h = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) h = Math.imul(h ^ text.charCodeAt(i), 0x01000193);
  return finish(h);
}

/** Mixes up to four numbers into an unsigned 32-bit number. */
export function mix(a: number, b = 0, c = 0, d = 0): number {
  let h = Math.imul(a ^ 0x9e3779b9, 0x85ebca6b);
  h = Math.imul(((h << 13) | (h >>> 19)) ^ b, 0xc2b2ae35);
  h = Math.imul(((h << 15) | (h >>> 17)) ^ c, 0x27d4eb2f);
  h = Math.imul(((h << 11) | (h >>> 21)) ^ d, 0x165667b1);
  return finish(h);
}

function finish(h: number): number {
  h ^= h >>> 16;
  h = Math.imul(h, 0x7feb352d);
  h ^= h >>> 15;
  h = Math.imul(h, 0x846ca68b);
  return (h ^ (h >>> 16)) >>> 0;
}

/** Numbers in [0, 1). */
export function randomFrom(seed: number): () => number {
  let n = 0;
  return () => mix(seed, ++n) / 0x1_0000_0000;
}

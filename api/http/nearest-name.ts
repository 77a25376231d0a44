/** The fewest changed, added, dropped or swapped neighbouring characters between two short names. */
function distance(a: string, b: string): number {
  let before: number[] = [];
  let above = Array.from({ length: b.length + 1 }, (_, n) => n);
  for (let i = 1; i <= a.length; i += 1) {
    const row = [i];
    for (let j = 1; j <= b.length; j += 1) {
      const same = a[i - 1] === b[j - 1];
      const swapped = a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      const nearest = Math.min(above[j]! + 1, row[j - 1]! + 1, above[j - 1]! + (same ? 0 : 1));
      row.push(swapped ? Math.min(nearest, before[j - 2]! + 1) : nearest);
    }
    before = above;
    above = row;
  }
  return above[b.length]!;
}

/** Longer names are no misspelling of ours; comparing them would cost time. */
const longest = 40;

/** The name among `known` that `name` probably misspells; null where none is near. */
function nearestName(name: string, known: readonly string[]): string | null {
  if (name.length > longest) return null;
  const near = known
    .map((one) => ({ one, far: distance(name.toLowerCase(), one.toLowerCase()) }))
    .toSorted((a, b) => a.far - b.far)[0];
  return near && near.far <= Math.max(2, Math.floor(name.length / 3)) ? near.one : null;
}

/** What is wrong with a field that is not known, as the rest of a sentence about it. */
export function unknownName(name: string, known: readonly string[]): string {
  const near = nearestName(name, known);
  if (near) return `is not known; did you mean ${near}?`;
  return known.length ? `is not known; known are ${known.join(', ')}.` : 'is not known; nothing is taken here.';
}

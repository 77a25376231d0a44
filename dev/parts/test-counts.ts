/** What the tests of one file did; `file` is its path. */
export interface FileCounts {
  file: string;
  passed: number;
  failed: number;
  skipped: number;
}

/** More failed files than this are not run again: something is broken. */
const MOST_AGAIN = 6;

/** The files that a whole run's second, quiet run reads: those that failed, unless they are many. */
export function filesToRunAgain(counts: readonly FileCounts[]): string[] {
  const failed = counts.filter((one) => one.failed > 0).map(({ file }) => file);
  return failed.length <= MOST_AGAIN ? failed : [];
}

/** The counts of the first run, where a file that ran again counts as it did then. */
export const afterSecondRun = (first: readonly FileCounts[], second: readonly FileCounts[]): FileCounts[] =>
  first.map((one) => second.find(({ file }) => file === one.file) ?? one);

/** `N passed, N failed`: the last line of a run. A run that failed without a failed test has one. */
export function lastLine(counts: readonly FileCounts[], ok: boolean): string {
  const sum = (key: 'passed' | 'failed' | 'skipped'): number => counts.reduce((total, one) => total + one[key], 0);
  const failed = ok ? sum('failed') : Math.max(sum('failed'), 1);
  const skipped = sum('skipped');
  return `${sum('passed')} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`;
}

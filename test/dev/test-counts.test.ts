import { afterSecondRun, filesToRunAgain, lastLine, type FileCounts } from '../../dev/parts/test-counts.ts';

const file = (name: string, failed: number): FileCounts => ({ file: name, passed: 5, failed, skipped: 1 });
const first = [file('a', 0), file('b', 2), file('c', 1)];

describe('the counts of a whole test run', () => {
  it('name the failed files for a second run, unless more than six failed', () => {
    expect(filesToRunAgain(first)).toEqual(['b', 'c']);
    expect(filesToRunAgain(['a', 'b', 'c', 'd', 'e', 'f', 'g'].map((name) => file(name, 1)))).toEqual([]);
  });

  it('take a file from its second run, where it may fail again', () => {
    const counts = afterSecondRun(first, [file('b', 0), file('c', 1)]);
    expect(lastLine(counts, false)).toBe('15 passed, 1 failed, 3 skipped');
  });

  it('stay failed when there is no second run, or none that ended', () => {
    expect(lastLine(afterSecondRun(first, []), false)).toBe('15 passed, 3 failed, 3 skipped');
  });

  it('have one failure when a run failed without a failed test', () => {
    expect(lastLine([], false)).toBe('0 passed, 1 failed');
    expect(lastLine([{ ...file('a', 0), skipped: 0 }], true)).toBe('5 passed, 0 failed');
  });
});

import { writeFileSync } from 'node:fs';
import type { FileCounts } from '../../dev/parts/test-counts.ts';

/** What jest says of a file. */
interface FileResult {
  testFilePath: string;
  numPassingTests: number;
  numFailingTests: number;
  numPendingTests: number;
  numTodoTests: number;
  /** It could not be loaded. */
  testExecError?: unknown;
}

/** Writes what each file's tests did to `PATCHBAY_TEST_COUNTS`. A file that could not be loaded counts as a failed test. */
export default class CountsReporter {
  onRunComplete(_contexts: unknown, { testResults }: { testResults: FileResult[] }): void {
    const counts = testResults.map((one): FileCounts => ({
      file: one.testFilePath,
      passed: one.numPassingTests,
      failed: one.numFailingTests + (one.testExecError ? 1 : 0),
      skipped: one.numPendingTests + one.numTodoTests,
    }));
    if (process.env.PATCHBAY_TEST_COUNTS) writeFileSync(process.env.PATCHBAY_TEST_COUNTS, JSON.stringify(counts));
  }
}

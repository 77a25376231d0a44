import { writeSync } from 'node:fs';

/** The tests of a suite with a runtime error were not run. */
type Counts = Record<
  'numPassedTests' | 'numFailedTests' | 'numPendingTests' | 'numTodoTests' | 'numRuntimeErrorTestSuites',
  number
>;

/**
 * Prints `N passed, N failed` as the run's last line, however the run ended. A suite that could not be loaded counts as
 * one failed test, and so does a run that failed without a failed test.
 */
export default class LastLine {
  #passed = 0;
  #failed = 0;
  #skipped = 0;

  constructor() {
    process.once('exit', (code) => {
      const failed = code === 0 ? this.#failed : Math.max(this.#failed, 1);
      const skipped = this.#skipped > 0 ? `, ${this.#skipped} skipped` : '';
      writeSync(1, `${this.#passed} passed, ${failed} failed${skipped}\n`);
    });
  }

  onRunComplete(_contexts: unknown, results: Counts): void {
    this.#passed = results.numPassedTests;
    this.#failed = results.numFailedTests + results.numRuntimeErrorTestSuites;
    this.#skipped = results.numPendingTests + results.numTodoTests;
  }
}

import { writeSync } from 'node:fs';

/** What jest counts in a whole run; a suite with a runtime error is one whose tests could not be run at all. */
type Counts = Record<
  'numPassedTests' | 'numFailedTests' | 'numPendingTests' | 'numTodoTests' | 'numRuntimeErrorTestSuites',
  number
>;

/**
 * Ends the run's output with one line, `N passed, N failed`, however the run ended: a suite that could not be loaded
 * counts as one failed test, and so does a run that failed without any.
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

/** @type {import('jest').Config} */
export default {
  testEnvironment: 'node',
  testMatch: ['<rootDir>/test/**/*.test.ts'],
  runner: 'jest-light-runner',
  transform: {},
  // Temporal's packages find what they need in node_modules; the rest of the tree holds nothing to look through.
  modulePathIgnorePatterns: ['<rootDir>/.patchbay/'],
  setupFilesAfterEnv: ['<rootDir>/test/support/timeouts.ts'],
  globalSetup: '<rootDir>/test/support/global-setup.ts',
  globalTeardown: '<rootDir>/test/support/global-teardown.ts',
  reporters: ['default', '<rootDir>/test/support/reporter.ts'],
  testSequencer: '<rootDir>/test/support/sequencer.js',
  ci: true,
  // One more than there are cores where the suite usually runs: tests wait for a third of their time.
  maxWorkers: 4,
};

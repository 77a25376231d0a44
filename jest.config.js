/** @type {import('jest').Config} */
export default {
  testEnvironment: 'node',
  testMatch: ['<rootDir>/test/**/*.test.ts'],
  extensionsToTreatAsEsm: ['.ts'],
  transform: {
    '^.+\\.ts$': [
      '@swc/jest',
      { jsc: { parser: { syntax: 'typescript' }, target: 'es2024' }, module: { type: 'es6' } },
    ],
  },
  // Temporal's packages find what they need in node_modules; the rest of the tree holds nothing to look through.
  modulePathIgnorePatterns: ['<rootDir>/.patchbay/'],
  globalSetup: '<rootDir>/test/support/global-setup.ts',
  globalTeardown: '<rootDir>/test/support/global-teardown.ts',
  reporters: ['default', '<rootDir>/test/support/reporter.ts'],
  testSequencer: '<rootDir>/test/support/sequencer.js',
  ci: true,
  // One more than there are cores where the suite usually runs: tests wait for a third of their time.
  maxWorkers: 3,
  testTimeout: 60_000,
};

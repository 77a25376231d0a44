import { spawn } from 'node:child_process';
import { rmSync } from 'node:fs';
import { constants } from 'node:os';
import { join } from 'node:path';
import { requireNode } from './parts/node-version.ts';
import { makeTemporaryHome, PROJECT } from './parts/home.ts';

requireNode();

// Made here and not in jest, to be removed even when jest is interrupted.
const home = makeTemporaryHome('test');
const jest = spawn(
  process.execPath,
  [
    '--experimental-vm-modules',
    '--disable-warning=ExperimentalWarning',
    join(PROJECT, 'node_modules/jest/bin/jest.js'),
    ...process.argv.slice(2),
  ],
  {
    cwd: PROJECT,
    stdio: 'inherit',
    env: { ...process.env, PATCHBAY_TEST_HOME: home, NODE_COMPILE_CACHE: join(home, 'compile-cache') },
  },
);
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => void jest.kill(signal));
jest.once('exit', (code, signal) => {
  rmSync(home, { recursive: true, force: true });
  process.exit(code ?? 128 + constants.signals[signal ?? 'SIGTERM']);
});

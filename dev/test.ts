import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, rmSync } from 'node:fs';
import { constants } from 'node:os';
import { join, relative } from 'node:path';
import { requireNode } from './parts/node-version.ts';
import { makeTemporaryHome, PROJECT } from './parts/home.ts';
import { afterSecondRun, filesToRunAgain, lastLine, type FileCounts } from './parts/test-counts.ts';

requireNode();

const countsFolder = makeTemporaryHome('test-counts');
const countsFile = join(countsFolder, 'counts.json');
const args = process.argv.slice(2);
let interrupted = false;

/** Runs jest. Its counts are empty when it did not come to its end. */
async function jest(more: readonly string[]): Promise<{ code: number; counts: FileCounts[] }> {
  rmSync(countsFile, { force: true });
  // Made here and not in jest, to be removed even when jest is interrupted.
  const home = makeTemporaryHome('test');
  const child = spawn(
    process.execPath,
    ['--disable-warning=ExperimentalWarning', join(PROJECT, 'node_modules/jest/bin/jest.js'), ...more],
    {
      cwd: PROJECT,
      stdio: 'inherit',
      env: {
        ...process.env,
        PATCHBAY_TEST_HOME: home,
        PATCHBAY_TEST_COUNTS: countsFile,
        NODE_COMPILE_CACHE: join(home, 'compile-cache'),
      },
    },
  );
  const stop = (signal: NodeJS.Signals): void => {
    interrupted = true;
    child.kill(signal);
  };
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
  for (const signal of signals) process.on(signal, stop);
  const [code, signal] = (await once(child, 'exit')) as [number | null, NodeJS.Signals | null];
  for (const one of signals) process.off(one, stop);
  rmSync(home, { recursive: true, force: true });
  let counts: FileCounts[] = [];
  try {
    counts = JSON.parse(readFileSync(countsFile, 'utf8')) as FileCounts[];
  } catch {
    // Jest ended before its reporters did.
  }
  return { code: code ?? 128 + constants.signals[signal ?? 'SIGTERM'], counts };
}

let { code, counts } = await jest(args);
// A whole run is long and loads the machine; a file that fails in it says more when it runs alone.
const again = args.length > 0 || code === 0 || interrupted ? [] : filesToRunAgain(counts);
if (again.length > 0) {
  const names = again.map((file) => relative(PROJECT, file));
  console.log(`\nThese files failed. They run once more, alone: ${names.join(', ')}`);
  const second = await jest(['--runInBand', '--runTestsByPath', ...again]);
  code = second.code;
  counts = afterSecondRun(counts, second.counts);
  const flaky = counts.filter(({ file, failed }) => again.includes(file) && failed === 0);
  if (flaky.length > 0)
    console.log(
      `Failed in the whole run, passed alone: ${flaky.map(({ file }) => relative(PROJECT, file)).join(', ')}`,
    );
}
rmSync(countsFolder, { recursive: true, force: true });
console.log(lastLine(counts, code === 0));
process.exit(code);

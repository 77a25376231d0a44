import { spawn } from 'node:child_process';
import { existsSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { makeTemporaryHome } from './parts/home.ts';
import { requireNode } from './parts/node-version.ts';

requireNode();

const { startStack } = await import('./stack.ts');
const { reportToStdout } = await import('./parts/progress.ts');
const { openCache } = await import('./parts/home.ts');

/** From PyPI; the tests do not need it. */
const schemathesis = 'schemathesis==4.32.5';

/** What an answer is checked for: no error of ours, and nothing that the document does not describe. */
const checks = [
  'not_a_server_error',
  'status_code_conformance',
  'content_type_conformance',
  'response_headers_conformance',
  'response_schema_conformance',
];

/** Runs a command with its output in sight, where it may leave files; answers its exit code. */
const run = (command: string, args: readonly string[]): Promise<number> =>
  new Promise((resolve) => {
    const child = spawn(command, args, { stdio: 'inherit', cwd: tmpdir() });
    child.once('error', (error) => {
      console.error(`${command}: ${error.message}`);
      resolve(1);
    });
    child.once('close', (code) => resolve(code ?? 1));
  });

/** The path of schemathesis, installed once per machine into a Python environment of its own; null where it cannot be. */
async function install(): Promise<string | null> {
  const folder = join(openCache(process.env), schemathesis.replace('==', '-'));
  const command = join(folder, 'bin', 'schemathesis');
  if (existsSync(command)) return command;
  console.log(`Installing ${schemathesis} into ${folder} …`);
  const failed =
    (await run('python3', ['-m', 'venv', folder])) ||
    (await run(join(folder, 'bin', 'pip'), ['install', '-q', schemathesis]));
  if (!failed) return command;
  rmSync(folder, { recursive: true, force: true });
  return null;
}

/** Seconds of the whole run: the first argument, 600 without one. */
const seconds = String(Number(process.argv[2] ?? 600));
const command = await install();
if (!command) {
  console.error('Fuzzing needs python3 with venv and pip.');
  process.exit(1);
}
const home = makeTemporaryHome('fuzz');
const ended = new AbortController();
process.once('SIGINT', () => ended.abort());
const stack = await startStack(
  { ...process.env, PATCHBAY_HOME: home, RATE_LIMIT_PER_MINUTE: '1000000' },
  reportToStdout,
  ended.signal,
);
const { api_url: url, api_key: key } = stack.describe();
// Credentials of its own would send the tenant's calls elsewhere, and its key ends what follows.
const without = ['--exclude-method', 'PUT', '--exclude-path', '/api/v1/api-keys/{id}'];
const code = await run(command, [
  'run',
  `${url}/openapi.json`,
  '--header',
  `Authorization: Bearer ${key}`,
  '--checks',
  checks.join(','),
  '--max-time',
  seconds,
  // Hypothesis loses its way where two threads of CPython 3.11 parse at once.
  '--workers',
  '1',
  '--request-timeout',
  '40',
  '--continue-on-failure',
  ...without,
]);
await stack.stop();
rmSync(home, { recursive: true, force: true });
process.exit(code);

import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { openCache, makeTemporaryHome, openHome, PROJECT } from './home.ts';
import { waitForLock } from './lock.ts';
import { reserveFreePort } from './ports.ts';
import { preparePostgres, withoutSync } from './postgres.ts';
import { provideOwner } from './postgres-roles.ts';
import { type Report, reportToStdout, step } from './progress.ts';
import { onPath, runCommand, runScript } from './run-command.ts';
import { type Around, type Part, startPart } from './supervisor.ts';
import { downloadBySdk, findTemporalCli } from './temporal-cli.ts';
import { temporalSpec } from './temporal.ts';

const LOCK_MS = 10 * 60_000;

const LAUNCHER = `#!/bin/sh
here=$(dirname "$(readlink -f "$0")")
exec java -cp "$here/lib/*" io.temporal.testserver.TestServer "$@"
`;

/** Low, so that a flood of signals fails in tests first. */
const signalLimit = 500;

/**
 * The parts that a whole test run shares, in a temporary home. Writes into `env`: PATCHBAY_TEST_PG_OWNER_URL (may
 * create databases), PATCHBAY_TEST_PG_ADMIN_URL (superuser), PATCHBAY_TEST_TEMPORAL_ADDRESS,
 * PATCHBAY_TEST_SERVER_PATH (empty when there is none), PATCHBAY_TEST_SIGNAL_LIMIT (signals
 * per run), WORKFLOW_BUNDLE.
 */
export async function startTestParts(env: NodeJS.ProcessEnv): Promise<{ stop: () => Promise<void> }> {
  const path = env.PATCHBAY_TEST_HOME ?? makeTemporaryHome('test');
  const home = openHome({ PATCHBAY_HOME: path });
  const { signal } = new AbortController();
  const around: Around = { logs: home.logs, report: reportToStdout, signal, onChange: () => {} };
  const parts: Part[] = [];
  const stop = async () => {
    await Promise.all(parts.map((part) => part.stop()));
    rmSync(path, { recursive: true, force: true });
  };
  try {
    const cli = await findTemporalCli(env, reportToStdout, signal);
    const testServer = await findTestServer(env, reportToStdout, signal);
    if (testServer.path === null) reportToStdout(`  Temporal test server: none (${testServer.reason})`);
    const temporal = async () => {
      const port = await reserveFreePort();
      await port.handOver();
      parts.push(
        await startPart(
          temporalSpec({ cli, folder: path, port: port.number, ui: null, signalLimit, sync: false }),
          around,
        ),
      );
      env.PATCHBAY_TEST_TEMPORAL_ADDRESS = `127.0.0.1:${port.number}`;
    };
    const postgres = async () => {
      const port = await reserveFreePort();
      const { spec, adminUrl } = await preparePostgres(home, port.number, reportToStdout, withoutSync);
      await port.handOver();
      parts.push(await startPart(spec, around));
      env.PATCHBAY_TEST_PG_ADMIN_URL = adminUrl;
      env.PATCHBAY_TEST_PG_OWNER_URL = await provideOwner(adminUrl, home, 'CREATEDB');
    };
    const workflows = async () => {
      const file = join(path, 'workflow-bundle.js');
      await runScript(['workers/bundle.ts', file], env, signal);
      env.WORKFLOW_BUNDLE = file;
    };
    await step(reportToStdout, 'PostgreSQL, Temporal and the workflows for the tests', async () => {
      const outcomes = await Promise.allSettled([temporal(), postgres(), workflows()]);
      for (const outcome of outcomes) if (outcome.status === 'rejected') throw outcome.reason;
    });
    env.PATCHBAY_TEST_SIGNAL_LIMIT = String(signalLimit);
    env.PATCHBAY_TEST_SERVER_PATH = testServer.path ?? '';
    return { stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

type TestServer = { path: string } | { path: null; reason: string };

/** The cached copy, else the SDK's download, else its jars from Maven with a launcher, which needs Java. */
async function findTestServer(env: NodeJS.ProcessEnv, report: Report, signal: AbortSignal): Promise<TestServer> {
  const base = join(openCache(env), `temporal-test-server-${testServerVersion()}`);
  const launcher = join(base, 'temporal-test-server');
  if (existsSync(launcher)) return { path: launcher };
  const lock = await waitForLock(`${base}.lock`, LOCK_MS, (holder) =>
    report(`  Temporal test server: waiting for process ${holder}, which is getting it`),
  );
  try {
    if (existsSync(launcher)) return { path: launcher };
    const next = `${base}.${process.pid}.new`;
    mkdirSync(next, { recursive: true });
    try {
      const target = join(next, 'temporal-test-server');
      const version = `v${testServerVersion()}`;
      const notDownloaded = await downloadBySdk({ kind: 'time-skipping', version, target, env, report, signal });
      const notFetched = notDownloaded === null ? null : await fetchFromMaven(next, env, report, signal);
      if (notFetched !== null) return { path: null, reason: `${notDownloaded}; ${notFetched}` };
      renameSync(next, base);
      return { path: launcher };
    } finally {
      rmSync(next, { recursive: true, force: true });
    }
  } finally {
    lock.release();
  }
}

async function fetchFromMaven(
  folder: string,
  env: NodeJS.ProcessEnv,
  report: Report,
  signal: AbortSignal,
): Promise<string | null> {
  if (!onPath('java', env)) return 'java is not installed';
  report('  Temporal test server: getting it from Maven, once for this machine');
  const pom = join(PROJECT, 'dev/temporal-test-server/pom.xml');
  const problem = await runCommand({
    command: 'mvn',
    args: ['-q', '-B', '-f', pom, 'dependency:copy-dependencies', `-DoutputDirectory=${join(folder, 'lib')}`],
    cwd: folder,
    env,
    onTick: (seconds) => report(`  Temporal test server: still fetching after ${seconds} s`),
    signal,
  });
  if (problem !== null) return problem;
  const unknown = unknownJarIn(join(folder, 'lib'));
  if (unknown) return `${unknown} has no matching line in dev/temporal-test-server/checksums.txt`;
  writeFileSync(join(folder, 'temporal-test-server'), LAUNCHER, { mode: 0o755 });
  return null;
}

/** The first jar whose name and checksum are not in checksums.txt. */
function unknownJarIn(lib: string): string | null {
  const lines = readFileSync(join(PROJECT, 'dev/temporal-test-server/checksums.txt'), 'utf8').trim().split('\n');
  const known = new Set(lines);
  const checksum = (jar: string): string =>
    createHash('sha256')
      .update(readFileSync(join(lib, jar)))
      .digest('hex');
  return readdirSync(lib).find((jar) => !known.has(`${checksum(jar)}  ${jar}`)) ?? null;
}

function testServerVersion(): string {
  const pom = readFileSync(join(PROJECT, 'dev/temporal-test-server/pom.xml'), 'utf8');
  const pinned = /<artifactId>temporal-test-server<\/artifactId>\s*<version>(\d+\.\d+\.\d+)<\/version>/.exec(pom);
  if (!pinned?.[1]) throw new Error('dev/temporal-test-server/pom.xml does not pin the test server');
  return pinned[1];
}

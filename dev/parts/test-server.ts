import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { openCache, PROJECT } from './home.ts';
import { waitForLock } from './lock.ts';
import type { Say } from './progress.ts';
import { downloadBySdk } from './sdk-download.ts';
import { onPath } from './temporal-cli.ts';
import { runTool } from './tool.ts';

/** The time-skipping server as an executable file, or why there is none. */
export type TestServer = { path: string } | { path: null; reason: string };

const LOCK_MS = 10 * 60_000;

const LAUNCHER = `#!/bin/sh
here=$(dirname "$(readlink -f "$0")")
exec java -cp "$here/lib/*" io.temporal.testserver.TestServer "$@"
`;

/**
 * Temporal's time-skipping server: the cached copy, else the SDK's download (not in CI), else its jars from Maven
 * behind a launcher, which needs a Java.
 */
export async function findTestServer(env: NodeJS.ProcessEnv, say: Say, signal: AbortSignal): Promise<TestServer> {
  const base = join(openCache(env), `temporal-test-server-${testServerVersion()}`);
  const launcher = join(base, 'temporal-test-server');
  if (existsSync(launcher)) return { path: launcher };
  const lock = await waitForLock(`${base}.lock`, LOCK_MS, (holder) =>
    say(`  Temporal test server: process ${holder} is getting it; waiting for that`),
  );
  try {
    if (existsSync(launcher)) return { path: launcher };
    const next = `${base}.${process.pid}.new`;
    mkdirSync(next, { recursive: true });
    try {
      const target = join(next, 'temporal-test-server');
      const version = `v${testServerVersion()}`;
      const unloaded = await downloadBySdk({ kind: 'time-skipping', version, target, env, say, signal });
      const unbuilt = unloaded === null ? null : await fromMaven(next, env, say, signal);
      if (unbuilt !== null) return { path: null, reason: `${unloaded}; ${unbuilt}` };
      renameSync(next, base);
      return { path: launcher };
    } finally {
      rmSync(next, { recursive: true, force: true });
    }
  } finally {
    lock.release();
  }
}

async function fromMaven(
  folder: string,
  env: NodeJS.ProcessEnv,
  say: Say,
  signal: AbortSignal,
): Promise<string | null> {
  if (!onPath('java', env)) return 'java is not installed';
  say('  Temporal test server: getting it from Maven, once for this machine');
  const pom = join(PROJECT, 'dev/temporal-test-server/pom.xml');
  const problem = await runTool({
    command: 'mvn',
    args: ['-q', '-B', '-f', pom, 'dependency:copy-dependencies', `-DoutputDirectory=${join(folder, 'lib')}`],
    cwd: folder,
    env,
    say: (seconds) => say(`  Temporal test server: still fetching after ${seconds} s`),
    signal,
  });
  if (problem !== null) return problem;
  const stranger = strangerIn(join(folder, 'lib'));
  if (stranger) return `${stranger} is not what dev/temporal-test-server/checksums.txt says`;
  writeFileSync(join(folder, 'temporal-test-server'), LAUNCHER, { mode: 0o755 });
  return null;
}

/** The first jar that is not one of those that were reviewed, by its checksum; null when all are. */
function strangerIn(lib: string): string | null {
  const lines = readFileSync(join(PROJECT, 'dev/temporal-test-server/checksums.txt'), 'utf8').trim().split('\n');
  const reviewed = new Set(lines);
  const checksum = (jar: string): string =>
    createHash('sha256')
      .update(readFileSync(join(lib, jar)))
      .digest('hex');
  return readdirSync(lib).find((jar) => !reviewed.has(`${checksum(jar)}  ${jar}`)) ?? null;
}

function testServerVersion(): string {
  const pom = readFileSync(join(PROJECT, 'dev/temporal-test-server/pom.xml'), 'utf8');
  const pinned = /<artifactId>temporal-test-server<\/artifactId>\s*<version>(\d+\.\d+\.\d+)<\/version>/.exec(pom);
  if (!pinned?.[1]) throw new Error('dev/temporal-test-server/pom.xml does not pin the test server');
  return pinned[1];
}

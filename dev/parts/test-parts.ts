import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openHome } from './home.ts';
import { reserveFreePort } from './ports.ts';
import { preparePostgres } from './postgres.ts';
import { provideOwner } from './postgres-roles.ts';
import { type Around, type Part, startPart } from './process.ts';
import { sayAloud, step } from './progress.ts';
import { findTemporalCli } from './temporal-cli.ts';
import { temporalSpec } from './temporal.ts';
import { findTestServer } from './test-server.ts';

/** Low, so that a test reaches it soon, and a flood of signals fails in tests first. */
const signalLimit = 500;

/**
 * Starts the parts that a whole test run shares, in a temporary home, and tells its tests about them through the
 * environment: PATCHBAY_TEST_PG_OWNER_URL (may create databases), PATCHBAY_TEST_PG_ADMIN_URL (superuser),
 * PATCHBAY_TEST_TEMPORAL_ADDRESS, PATCHBAY_TEST_TEMPORAL_CLI, PATCHBAY_TEST_SERVER_PATH (empty when there is none), PATCHBAY_TEST_SIGNAL_LIMIT (signals that a run takes).
 */
export async function startTestParts(env: NodeJS.ProcessEnv): Promise<{ stop: () => Promise<void> }> {
  const path = env.PATCHBAY_TEST_HOME ?? mkdtempSync(join(tmpdir(), 'patchbay-test-'));
  chmodSync(path, 0o711);
  const home = openHome({ PATCHBAY_HOME: path });
  const { signal } = new AbortController();
  const around: Around = { logs: home.logs, say: sayAloud, signal, onChange: () => {} };
  const parts: Part[] = [];
  const stop = async () => {
    await Promise.all(parts.map((part) => part.stop()));
    rmSync(path, { recursive: true, force: true });
  };
  try {
    const cli = await findTemporalCli(env, sayAloud, signal);
    const testServer = await findTestServer(env, sayAloud, signal);
    if (testServer.path === null) sayAloud(`  Temporal test server: none (${testServer.reason})`);
    const temporal = async () => {
      const port = await reserveFreePort();
      await port.release();
      parts.push(
        await startPart(temporalSpec({ cli, folder: path, port: port.number, ui: null, signalLimit }), around),
      );
      env.PATCHBAY_TEST_TEMPORAL_ADDRESS = `127.0.0.1:${port.number}`;
    };
    const postgres = async () => {
      const port = await reserveFreePort();
      const { spec, adminUrl } = await preparePostgres(home, port.number, sayAloud);
      await port.release();
      parts.push(await startPart(spec, around));
      env.PATCHBAY_TEST_PG_ADMIN_URL = adminUrl;
      env.PATCHBAY_TEST_PG_OWNER_URL = await provideOwner(adminUrl, home, 'CREATEDB');
    };
    await step(sayAloud, 'PostgreSQL and Temporal for the tests', async () => {
      const outcomes = await Promise.allSettled([temporal(), postgres()]);
      for (const outcome of outcomes) if (outcome.status === 'rejected') throw outcome.reason;
    });
    env.PATCHBAY_TEST_TEMPORAL_CLI = cli;
    env.PATCHBAY_TEST_SIGNAL_LIMIT = String(signalLimit);
    env.PATCHBAY_TEST_SERVER_PATH = testServer.path ?? '';
    return { stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

import { randomBytes } from 'node:crypto';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { runCli } from './parts/cli.ts';
import { provideDemoKey } from './parts/demo-key.ts';
import { type Home, keep, openHome, writePrivate } from './parts/home.ts';
import { endLeftovers, noteProcesses } from './parts/leftovers.ts';
import { tryLock } from './parts/lock.ts';
import { reservePorts, type ReservedPort } from './parts/ports.ts';
import { preparePostgres } from './parts/postgres.ts';
import { provideLogins, provideOwner } from './parts/postgres-roles.ts';
import { type Around, type Part, type PartSpec, startPart } from './parts/process.ts';
import { type Say, step } from './parts/progress.ts';
import { apiSpec, sandboxSpec, wantsSandbox, workerSpec } from './parts/serving.ts';
import type { PartName, SandboxAddresses, StackFile } from './parts/stack-file.ts';
import { findTemporalCli } from './parts/temporal-cli.ts';
import { codecEndpoint, temporalSpec } from './parts/temporal.ts';

export type Stack = { file: string; describe: () => StackFile; stop: () => Promise<void> };

/**
 * Brings the local stack up in PATCHBAY_HOME and keeps it up until it is stopped. An explicit DATABASE_URL or
 * TEMPORAL_ADDRESS takes the place of a server of our own. Throws one clear line, with everything it had started ended.
 */
export async function startStack(env: NodeJS.ProcessEnv, say: Say, signal: AbortSignal): Promise<Stack> {
  const home = openHome(env);
  const lock = tryLock(join(home.path, 'lock'));
  if (!('release' in lock)) {
    throw new Error(`a stack already runs in ${home.path} (process ${lock.holder}): stop it, or set PATCHBAY_HOME`);
  }
  const running = runningParts(home, say, signal);
  try {
    await endLeftovers(running.noted, signal);
    const describe = await bringUp(home, env, say, signal, running);
    running.publish(describe);
    const stop = async () => {
      await running.stop();
      lock.release();
    };
    return { file: running.file, describe, stop };
  } catch (error) {
    await running.stop();
    lock.release();
    throw error;
  }
}

type Running = ReturnType<typeof runningParts>;

/** Keeps the parts, and what the home says of them, up to date. */
function runningParts(home: Home, say: Say, signal: AbortSignal) {
  const parts = new Map<PartName, Part>();
  const held: ReservedPort[] = [];
  const file = join(home.path, 'stack.json');
  const noted = join(home.path, 'processes.json');
  const settings = join(home.path, 'settings.json');
  let describe: (() => StackFile) | null = null;

  const onChange = () => {
    noteProcesses(
      noted,
      [...parts.values()].flatMap((part) => part.processes()),
    );
    if (describe) writePrivate(file, `${JSON.stringify(describe(), null, 2)}\n`);
  };
  const around: Around = { logs: home.logs, say, signal, onChange };
  const stopAll = (names: PartName[]) => Promise.all(names.map(async (name) => parts.get(name)?.stop()));
  return {
    file,
    noted,
    start: async (name: PartName, spec: PartSpec) => {
      await step(say, name, async () => void parts.set(name, await startPart(spec, around)));
      onChange();
    },
    pid: (name: PartName) => parts.get(name)?.pid() ?? null,
    hold: (ports: ReservedPort[]) => void held.push(...ports),
    /** What the `patchbay` command needs to work on this stack. */
    keepSettings: (own: Record<string, string>) => writePrivate(settings, `${JSON.stringify(own, null, 2)}\n`),
    publish: (described: () => StackFile) => {
      describe = described;
      onChange();
    },
    /** Those that use a server end before it. */
    stop: async () => {
      describe = null;
      for (const gone of [file, settings]) rmSync(gone, { force: true });
      await stopAll(['api', 'worker', 'sandbox']);
      await stopAll(['temporal', 'postgres']);
      await Promise.all(held.splice(0).map((port) => port.release()));
      rmSync(noted, { force: true });
    },
  };
}

/** Starts every part in order, and answers what describes them. */
async function bringUp(home: Home, env: NodeJS.ProcessEnv, say: Say, signal: AbortSignal, running: Running) {
  const portNames = [
    'api',
    'apiMetrics',
    'workerMetrics',
    'sandboxControl',
    'sandboxUnipile',
    'sandboxWasender',
  ] as const;
  const ports = await reservePorts([...portNames, 'temporal', 'temporalUi', 'postgres'], env);
  running.hold(Object.values(ports));
  const at = (name: keyof typeof ports) => `http://127.0.0.1:${ports[name].number}`;
  const encryptionKey =
    env.ENCRYPTION_KEY || keep(join(home.path, 'encryption-key'), () => randomBytes(32).toString('base64'));

  const startPostgres = async () => {
    if (env.DATABASE_URL) return null;
    const { spec, adminUrl } = await preparePostgres(home, ports.postgres.number, say);
    await ports.postgres.release();
    await running.start('postgres', spec);
    return { adminUrl, owner: await provideOwner(adminUrl, home) };
  };
  const startTemporal = async () => {
    if (env.TEMPORAL_ADDRESS) return;
    const cli = await findTemporalCli(env, say, signal);
    const ui = { port: ports.temporalUi.number, codecEndpoint: codecEndpoint(at('api'), encryptionKey) };
    await Promise.all([ports.temporal.release(), ports.temporalUi.release()]);
    await running.start('temporal', temporalSpec({ cli, folder: home.path, port: ports.temporal.number, ui }));
  };
  const startSandbox = async (): Promise<SandboxAddresses | null> => {
    if (!wantsSandbox(env)) return null;
    await Promise.all([ports.sandboxUnipile, ports.sandboxWasender, ports.sandboxControl].map((one) => one.release()));
    const sandboxEnv = {
      ...env,
      PATCHBAY_SANDBOX_PORT: String(ports.sandboxUnipile.number),
      PATCHBAY_SANDBOX_WASENDER_PORT: String(ports.sandboxWasender.number),
      PATCHBAY_SANDBOX_CONTROL_PORT: String(ports.sandboxControl.number),
    };
    await running.start('sandbox', sandboxSpec(at('sandboxControl'), sandboxEnv));
    return {
      unipile_url: at('sandboxUnipile'),
      wasender_url: `${at('sandboxWasender')}/api`,
      meta_url: null,
      control_url: at('sandboxControl'),
      whatsapp: { access_token: null, business_account_id: null, phone_number_id: null },
    };
  };
  const [postgres, , sandbox] = await allOrFirstFailure([startPostgres(), startTemporal(), startSandbox()]);

  const ownerUrl = postgres?.owner ?? env.DATABASE_URL ?? '';
  await step(say, 'migrations', () => runCli(['migrate'], { ...env, DATABASE_URL: ownerUrl }, signal));
  const logins = postgres ? await provideLogins(postgres.adminUrl, home) : { runtime: ownerUrl, reader: ownerUrl };

  const settings: Record<string, string> = {
    DATABASE_URL: logins.runtime,
    TEMPORAL_ADDRESS: env.TEMPORAL_ADDRESS || `127.0.0.1:${ports.temporal.number}`,
    TEMPORAL_NAMESPACE: env.TEMPORAL_NAMESPACE || 'default',
    TEMPORAL_UI_URL: env.TEMPORAL_UI_URL || (env.TEMPORAL_ADDRESS ? '' : at('temporalUi')),
    ENCRYPTION_KEY: encryptionKey,
    ENCRYPTION_KEYS: env.ENCRYPTION_KEYS || '',
    PUBLIC_URL: env.PUBLIC_URL || at('api'),
    PATCHBAY_HOME: home.path,
    LOG_LEVEL: env.LOG_LEVEL || 'info',
    // A terminal's Ctrl-C is to be over within ten seconds.
    SHUTDOWN_GRACE_SECONDS: env.SHUTDOWN_GRACE_SECONDS || '3',
    ...(sandbox && {
      UNIPILE_DSN: sandbox.unipile_url,
      UNIPILE_ACCESS_TOKEN: 'sandbox-key',
      WASENDER_BASE_URL: sandbox.wasender_url ?? '',
      WASENDER_API_TOKEN: '1|sandbox-pat',
      SANDBOX_CONTROL_URL: sandbox.control_url,
    }),
  };
  running.keepSettings(settings);
  const serving = (own: Record<string, string>): NodeJS.ProcessEnv => ({ ...env, ...settings, ...own });
  const apiEnv = serving({ PORT: String(ports.api.number), METRICS_PORT: String(ports.apiMetrics.number) });
  const workerEnv = serving({ METRICS_PORT: String(ports.workerMetrics.number) });
  await Promise.all([ports.api, ports.apiMetrics, ports.workerMetrics].map((port) => port.release()));
  await allOrFirstFailure([
    running.start('api', apiSpec(at('api'), apiEnv)),
    running.start('worker', workerSpec(workerEnv)),
  ]);
  const key = await provideDemoKey(join(home.path, 'demo-key.json'), at('api'), serving({}), signal);

  return (): StackFile => ({
    api_url: at('api'),
    docs_url: `${at('api')}/docs`,
    ...key,
    database_url: logins.reader,
    temporal_address: settings.TEMPORAL_ADDRESS ?? '',
    temporal_namespace: settings.TEMPORAL_NAMESPACE ?? '',
    temporal_ui_url: settings.TEMPORAL_UI_URL || null,
    sandbox,
    pids: {
      api: running.pid('api'),
      worker: running.pid('worker'),
      temporal: running.pid('temporal'),
      postgres: running.pid('postgres'),
      sandbox: running.pid('sandbox'),
    },
  });
}

/** Waits for all, so that nothing is still starting when the first failure is thrown. */
async function allOrFirstFailure<T extends readonly unknown[]>(
  work: [...T],
): Promise<{ [K in keyof T]: Awaited<T[K]> }> {
  await Promise.allSettled(work);
  return Promise.all(work);
}

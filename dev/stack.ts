import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { sandboxSettings, sandboxWhatsapp, setCallbacks } from '../sandbox/client-settings.ts';
import { type Home, keep, openHome } from './parts/home.ts';
import { tryLock } from './parts/lock.ts';
import { reservePorts } from './parts/ports.ts';
import { preparePostgres } from './parts/postgres.ts';
import { provideLogins, provideOwner } from './parts/postgres-roles.ts';
import { endStaleProcesses } from './parts/process-identity.ts';
import { type Report, step } from './parts/progress.ts';
import { runCli } from './parts/run-command.ts';
import { apiSpec, sandboxSpec, wantsSandbox, workerSpec } from './parts/serving.ts';
import { provideDemoKey, type SandboxAddresses, type StackFile } from './parts/stack-file.ts';
import { type StackParts, superviseParts } from './parts/supervisor.ts';
import { findTemporalCli } from './parts/temporal-cli.ts';
import { codecEndpoint, temporalSpec } from './parts/temporal.ts';

/** `file`: stack.json. `logs`: the folder with the log of each part. */
export type Stack = { file: string; logs: string; describe: () => StackFile; stop: () => Promise<void> };

/**
 * Runs in PATCHBAY_HOME until it is stopped. DATABASE_URL or TEMPORAL_ADDRESS replace a local server. Throws one line,
 * after stopping what it had started.
 */
export async function startStack(env: NodeJS.ProcessEnv, report: Report, signal: AbortSignal): Promise<Stack> {
  const home = openHome(env);
  const lock = tryLock(join(home.path, 'lock'));
  if (!('release' in lock)) {
    throw new Error(`a stack already runs in ${home.path} (process ${lock.holder}): stop it, or set PATCHBAY_HOME`);
  }
  const parts = superviseParts(home, report, signal);
  try {
    await endStaleProcesses(parts.processFile, signal);
    const describe = await startParts(home, env, report, signal, parts);
    parts.publish(describe);
    const stop = async () => {
      await parts.stop();
      lock.release();
    };
    return { file: parts.file, logs: home.logs, describe, stop };
  } catch (error) {
    await parts.stop();
    lock.release();
    throw error;
  }
}

async function startParts(home: Home, env: NodeJS.ProcessEnv, report: Report, signal: AbortSignal, parts: StackParts) {
  const portNames = [
    'api',
    'apiMetrics',
    'workerMetrics',
    'sandboxControl',
    'sandboxUnipile',
    'sandboxWasender',
    'sandboxMeta',
  ] as const;
  const ports = await reservePorts([...portNames, 'temporal', 'temporalUi', 'postgres'], env);
  parts.hold(Object.values(ports));
  const at = (name: keyof typeof ports) => `http://127.0.0.1:${ports[name].number}`;
  const encryptionKey =
    env.ENCRYPTION_KEY || keep(join(home.path, 'encryption-key'), () => randomBytes(32).toString('base64'));

  const startPostgres = async () => {
    if (env.DATABASE_URL) return null;
    const { spec, adminUrl } = await preparePostgres(home, ports.postgres.number, report);
    await ports.postgres.handOver();
    await parts.start('postgres', spec);
    return { adminUrl, owner: await provideOwner(adminUrl, home) };
  };
  const startTemporal = async () => {
    if (env.TEMPORAL_ADDRESS) return;
    const cli = await findTemporalCli(env, report, signal);
    const ui = { port: ports.temporalUi.number, codecEndpoint: codecEndpoint(at('api'), encryptionKey) };
    await Promise.all([ports.temporal.handOver(), ports.temporalUi.handOver()]);
    await parts.start('temporal', temporalSpec({ cli, folder: home.path, port: ports.temporal.number, ui }));
  };
  const startSandbox = async (): Promise<SandboxAddresses | null> => {
    if (!wantsSandbox(env)) return null;
    const own = [ports.sandboxUnipile, ports.sandboxWasender, ports.sandboxMeta, ports.sandboxControl];
    await Promise.all(own.map((one) => one.handOver()));
    const sandboxEnv = {
      ...env,
      PATCHBAY_SANDBOX_PORT: String(ports.sandboxUnipile.number),
      PATCHBAY_SANDBOX_WASENDER_PORT: String(ports.sandboxWasender.number),
      PATCHBAY_SANDBOX_META_PORT: String(ports.sandboxMeta.number),
      PATCHBAY_SANDBOX_CONTROL_PORT: String(ports.sandboxControl.number),
      PATCHBAY_SANDBOX_WORLD: join(home.path, 'sandbox-world'),
    };
    await parts.start('sandbox', sandboxSpec(at('sandboxControl'), sandboxEnv));
    return {
      unipile_url: at('sandboxUnipile'),
      wasender_url: `${at('sandboxWasender')}/api`,
      meta_url: at('sandboxMeta'),
      control_url: at('sandboxControl'),
      whatsapp: sandboxWhatsapp,
    };
  };
  const [postgres, , sandbox] = await allOrFirstFailure([startPostgres(), startTemporal(), startSandbox()]);

  const ownerUrl = postgres?.owner ?? env.DATABASE_URL ?? '';
  await step(report, 'migrations', () => runCli(['migrate'], { ...env, DATABASE_URL: ownerUrl }, signal));
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
    MEDIA_FOLDER: env.MEDIA_FOLDER || join(home.path, 'media'),
    LOG_LEVEL: env.LOG_LEVEL || 'info',
    // Ctrl-C must stop the whole stack within ten seconds.
    SHUTDOWN_GRACE_SECONDS: env.SHUTDOWN_GRACE_SECONDS || '3',
    ...(sandbox && {
      ...sandboxSettings({
        unipileUrl: sandbox.unipile_url,
        wasenderUrl: sandbox.wasender_url,
        metaUrl: sandbox.meta_url,
      }),
      // The return address of a real app does not lead to this stack.
      META_REDIRECT_URI: '',
      SANDBOX_CONTROL_URL: sandbox.control_url,
    }),
  };
  parts.keepSettings(settings);
  const serving = (own: Record<string, string>): NodeJS.ProcessEnv => ({ ...env, ...settings, ...own });
  const apiEnv = serving({ PORT: String(ports.api.number), METRICS_PORT: String(ports.apiMetrics.number) });
  const workerEnv = serving({ METRICS_PORT: String(ports.workerMetrics.number) });
  await Promise.all([ports.api, ports.apiMetrics, ports.workerMetrics].map((port) => port.handOver()));
  await allOrFirstFailure([
    parts.start('api', apiSpec(at('api'), apiEnv)),
    parts.start('worker', workerSpec(workerEnv)),
  ]);
  if (sandbox) await setCallbacks(sandbox.control_url, settings.PUBLIC_URL ?? at('api'), signal);
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
      api: parts.pid('api'),
      worker: parts.pid('worker'),
      temporal: parts.pid('temporal'),
      postgres: parts.pid('postgres'),
      sandbox: parts.pid('sandbox'),
    },
    metrics: { api: `${at('apiMetrics')}/metrics`, worker: `${at('workerMetrics')}/metrics` },
  });
}

/** Waits for all of them: nothing is still starting when the first failure is thrown. */
async function allOrFirstFailure<T extends readonly unknown[]>(
  work: [...T],
): Promise<{ [K in keyof T]: Awaited<T[K]> }> {
  await Promise.allSettled(work);
  return Promise.all(work);
}

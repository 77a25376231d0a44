import { existsSync, readFileSync } from 'node:fs';
import { writePrivate } from './home.ts';
import { runCli } from './run-command.ts';

/** A pid is null while its part is not running, or is not one of ours. */
export type StackFile = {
  api_url: string;
  docs_url: string;
  api_key: string;
  tenant: string;
  database_url: string;
  temporal_address: string;
  temporal_namespace: string;
  temporal_ui_url: string | null;
  sandbox: SandboxAddresses | null;
  pids: Record<PartName, number | null>;
  /** Full addresses of /metrics. */
  metrics: { api: string; worker: string };
};

export type PartName = 'api' | 'worker' | 'temporal' | 'postgres' | 'sandbox';

export type SandboxAddresses = {
  unipile_url: string;
  wasender_url: string;
  meta_url: string;
  control_url: string;
  /** What Meta's WhatsApp knows from the sandbox's start. */
  whatsapp: {
    access_token: string;
    business_account_id: string;
    phone_number_id: string;
  };
};

export function addressTable(stack: StackFile, { file, logs }: { file: string; logs: string }): string {
  const rows: [string, string | null | undefined][] = [
    ['API', stack.api_url],
    ['API docs', stack.docs_url],
    ['API metrics', stack.metrics.api],
    ['Worker metrics', stack.metrics.worker],
    ['Temporal UI', stack.temporal_ui_url],
    ['Temporal', stack.temporal_address],
    ['Sandbox UniPile', stack.sandbox?.unipile_url],
    ['Sandbox WASender', stack.sandbox?.wasender_url],
    ['Sandbox Meta', stack.sandbox?.meta_url],
    ['Sandbox control', stack.sandbox?.control_url],
    ['Logs', logs],
    ['Keys, database', file],
  ];
  const shown = rows.filter(([, address]) => address);
  return shown.map(([name, address]) => `  ${name.padEnd(16)} ${address}`).join('\n');
}

type DemoKey = Pick<StackFile, 'api_key' | 'tenant'>;

/** Has all scopes: the key in `file` while the API accepts it, else a new one. */
export async function provideDemoKey(
  file: string,
  apiUrl: string,
  env: NodeJS.ProcessEnv,
  signal: AbortSignal,
): Promise<DemoKey> {
  const kept = existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as DemoKey) : null;
  if (kept && (await isAccepted(kept, apiUrl, signal))) return kept;
  const printed = await runCli(['keys', 'create', '--tenant', 'demo', '--scope', 'all', '--json'], env, signal);
  const { api_key, tenant } = JSON.parse(printed) as DemoKey;
  writePrivate(file, JSON.stringify({ api_key, tenant }));
  return { api_key, tenant };
}

async function isAccepted(key: DemoKey, apiUrl: string, signal: AbortSignal): Promise<boolean> {
  const headers = { authorization: `Bearer ${key.api_key}` };
  const answer = await fetch(`${apiUrl}/api/v1/accounts?limit=1`, { headers, signal });
  await answer.body?.cancel();
  return answer.status !== 401;
}

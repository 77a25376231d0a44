import { existsSync, readFileSync } from 'node:fs';
import { runCli } from './cli.ts';
import { writePrivate } from './home.ts';

export type DemoKey = { api_key: string; tenant: string };

/** The demo tenant's key with all scopes: the one kept in the file while the API takes it, else a new one. */
export async function provideDemoKey(
  file: string,
  apiUrl: string,
  env: NodeJS.ProcessEnv,
  signal: AbortSignal,
): Promise<DemoKey> {
  const kept = existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as DemoKey) : null;
  if (kept && (await isTaken(kept, apiUrl, signal))) return kept;
  const printed = await runCli(['keys', 'create', '--tenant', 'demo', '--scope', 'all', '--json'], env, signal);
  const { api_key, tenant } = JSON.parse(printed) as DemoKey;
  writePrivate(file, JSON.stringify({ api_key, tenant }));
  return { api_key, tenant };
}

async function isTaken(key: DemoKey, apiUrl: string, signal: AbortSignal): Promise<boolean> {
  const headers = { authorization: `Bearer ${key.api_key}` };
  const answer = await fetch(`${apiUrl}/api/v1/accounts?limit=1`, { headers, signal });
  await answer.body?.cancel();
  return answer.status !== 401;
}

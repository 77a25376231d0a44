import type { PartSpec } from './supervisor.ts';

/** Any one of them switches the whole sandbox off. */
const PROVIDER_CREDENTIALS = [
  'UNIPILE_DSN',
  'UNIPILE_ACCESS_TOKEN',
  'WASENDER_API_TOKEN',
  'META_APP_ID',
  'META_APP_SECRET',
  'WHATSAPP_ACCESS_TOKEN',
];

export function wantsSandbox(env: NodeJS.ProcessEnv): boolean {
  return env.NODE_ENV !== 'production' && !PROVIDER_CREDENTIALS.some((name) => env[name]);
}

/** `/readyz` wants Temporal, too: an API would be stopped, with the webhooks that it takes in, for being without it. */
export function apiSpec(url: string, env: NodeJS.ProcessEnv): PartSpec {
  return ours('api', 'api/main.ts', env, () => needOk(`${url}/healthz`));
}

export function workerSpec(env: NodeJS.ProcessEnv): PartSpec {
  return ours('worker', 'workers/main.ts', env, (run) => run.printed().includes('worker ready'));
}

export function sandboxSpec(controlUrl: string, env: NodeJS.ProcessEnv): PartSpec {
  return ours('sandbox', 'sandbox/main.ts', env, () => needOk(`${controlUrl}/calls`));
}

function ours(name: string, script: string, env: NodeJS.ProcessEnv, isReady: PartSpec['isReady']): PartSpec {
  return { name, program: { script }, env, isReady, readyWithinMs: 60_000, graceMs: 4_500 };
}

async function needOk(url: string): Promise<true> {
  const answer = await fetch(url, { signal: AbortSignal.timeout(2_000) });
  const text = await answer.text();
  if (!answer.ok) throw new Error(`${url} answers ${answer.status} ${text.slice(0, 200)}`);
  return true;
}

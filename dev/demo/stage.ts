import { setTimeout as sleep } from 'node:timers/promises';
import { runCli } from '../parts/run-command.ts';
import type { StackFile } from '../parts/stack-file.ts';

export type Json = Record<string, any>;

/** A running stack as the demo uses it. Everything but moves of the clock ends with `signal`. */
export interface Stage {
  api: (method: string, path: string, body?: unknown) => Promise<Json>;
  control: (method: string, path: string, body: unknown) => Promise<Json>;
  /** The attempt's step of this kind, other than the one with the id `after`. Waits a minute at most. */
  step: (account: string, kind: string, after?: string) => Promise<Json>;
  /** The account once it is in this state. Waits a minute at most. */
  account: (id: string, state: string) => Promise<Json>;
  /** What `ask` answers once it answers something. Waits a minute at most. */
  until: <T>(what: string, ask: () => Promise<T | null | undefined>) => Promise<T>;
  /** A file of the API, once it is there. Waits a minute at most. */
  file: (address: string) => Promise<Blob>;
  /** Scans the QR code of an account and answers the account when it is active. */
  scan: (id: string) => Promise<Json>;
  /** Runs the `patchbay` command. */
  patchbay: (...args: string[]) => Promise<string>;
  advanceClock: (seconds: number) => Promise<void>;
  /** Takes back every advance; answers how many seconds they were. */
  putClockBack: () => Promise<number>;
}

const patienceMs = 60_000;

/** Throws where the stack, whose data are in `home`, has no sandbox. */
export function openStage({ api_url, api_key, sandbox }: StackFile, home: string, signal: AbortSignal): Stage {
  if (!sandbox) throw new Error('the demo uses the sandbox: unset the provider credentials first');

  const api: Stage['api'] = (method, path, body) =>
    request(new URL(`/api/v1${path}`, api_url), { method, body, key: api_key, signal });
  const control: Stage['control'] = (method, path, body) =>
    request(new URL(path, sandbox.control_url), { method, body, signal });

  const until: Stage['until'] = async (what, ask) => {
    for (const end = Date.now() + patienceMs; Date.now() < end;) {
      const found = await ask();
      if (found !== null && found !== undefined) return found;
      await sleep(200, undefined, { signal });
    }
    throw new Error(`waited a minute for ${what}`);
  };
  const account: Stage['account'] = (id, state) =>
    until(`the account to be ${state}`, async () => {
      const found = await api('GET', `/accounts/${id}`);
      return found.state === state ? found : null;
    });

  let advanced = 0;
  // Not ended by `signal`: a move that took effect must be known.
  const moveClock = (seconds: number) =>
    request(new URL('/clock', sandbox.control_url), { method: 'POST', body: { advance_seconds: seconds } });

  return {
    api,
    control,
    until,
    account,
    patchbay: (...args) => runCli(args, { ...process.env, PATCHBAY_HOME: home }, signal),
    file: (address) =>
      until('the file', async () => {
        const url = new URL(address, api_url);
        const response = await fetch(url, { headers: { authorization: `Bearer ${api_key}` }, signal });
        if (!response.ok) throw new Error(`GET ${url.pathname} answered ${response.status}`);
        const bytes = await response.blob();
        // 202: it is on its way.
        return response.status === 202 ? null : bytes;
      }),
    step: (id, kind, after) =>
      until(`the step ${kind}`, async () => {
        const { step } = await api('GET', `/accounts/${id}/attempt${after ? `?after=${after}&wait=10` : ''}`);
        return step?.kind === kind && step.id !== after ? step : null;
      }),
    async scan(id) {
      const account_id = await until('the upstream id', async () => {
        const found = await api('GET', `/accounts/${id}`);
        return found.provider_account_id as string | null;
      });
      await control('POST', '/scan', { account_id });
      return account(id, 'active');
    },
    async advanceClock(seconds) {
      await moveClock(seconds);
      advanced += seconds;
    },
    async putClockBack() {
      const seconds = advanced;
      if (seconds) await moveClock(-seconds);
      advanced = 0;
      return seconds;
    },
  };
}

interface Asked {
  method: string;
  /** A form, or what becomes JSON. */
  body: unknown;
  key?: string;
  signal?: AbortSignal;
}

/** Throws what an error answer says. */
async function request(url: URL, { method, body, key, signal }: Asked): Promise<Json> {
  const isForm = body instanceof FormData;
  const response = await fetch(url, {
    method,
    headers: {
      ...(key ? { authorization: `Bearer ${key}` } : {}),
      ...(isForm ? {} : { 'content-type': 'application/json' }),
    },
    ...(body === undefined ? {} : { body: isForm ? body : JSON.stringify(body) }),
    ...(signal ? { signal } : {}),
  });
  const answer = (await response.json().catch(() => ({}))) as Json;
  if (!response.ok)
    throw new Error(`${method} ${url.pathname} answered ${response.status}: ${answer.detail ?? answer.error ?? ''}`);
  return answer;
}

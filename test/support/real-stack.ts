import { rmSync } from 'node:fs';
import { makeTemporaryHome } from '../../dev/parts/home.ts';
import { startStack, type Stack } from '../../dev/stack.ts';
import { createClient, type ApiClient } from './client.ts';
import { createControl, type Control } from './control.ts';
import { eventually } from './eventually.ts';

type Part = 'api' | 'worker' | 'temporal' | 'postgres';

/** The local stack as a user runs it: each part is a process of its own, restarted when it dies. */
export interface RealStack {
  home: string;
  /** The environment in which commands find this stack. */
  env: Record<string, string | undefined>;
  stack: Stack;
  api: ApiClient;
  control: Control;
  /** Kills a process with SIGKILL, and waits until the supervisor has started another one. */
  kill(part: Part): Promise<void>;
  /** Stops a process where it is, without an end; returns what continues it. */
  suspend(part: Part): () => void;
  ready(): Promise<unknown>;
  stop(): Promise<void>;
}

export async function startRealStack(settings: Record<string, string> = {}): Promise<RealStack> {
  const home = makeTemporaryHome('real');
  const { DATABASE_URL: _url, TEMPORAL_ADDRESS: _address, ...inherited } = process.env;
  const env = { ...inherited, PATCHBAY_HOME: home, LOG_LEVEL: 'warn', RECONCILE_INTERVAL_SECONDS: '2', ...settings };
  const stack = await startStack(env, () => undefined, new AbortController().signal);
  const { api_url: url, api_key: key, sandbox } = stack.describe();
  const api = createClient(url, key);
  return {
    home,
    env,
    stack,
    api,
    control: createControl(sandbox?.control_url ?? ''),
    kill: async (part) => {
      const before = stack.describe().pids[part];
      process.kill(before ?? 0, 'SIGKILL');
      await eventually(`${part} to be back`, async () => {
        const now = stack.describe().pids[part];
        return now !== null && now !== before;
      });
    },
    suspend: (part) => {
      const pid = stack.describe().pids[part] ?? 0;
      process.kill(pid, 'SIGSTOP');
      return () => void process.kill(pid, 'SIGCONT');
    },
    ready: () => eventually('the stack to be ready', async () => (await api.get('/readyz')).status === 200),
    stop: async () => {
      await stack.stop();
      rmSync(home, { recursive: true, force: true });
    },
  };
}

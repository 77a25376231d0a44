import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startStack, type Stack } from '../../dev/stack.ts';
import { createClient, type ApiClient } from '../support/client.ts';
import { createControl, type Control } from '../support/control.ts';
import { eventually } from '../support/eventually.ts';

/** The stack as a user runs it: each part a process of its own, restarted when it dies. */
let home: string;
let stack: Stack;
let api: ApiClient;
let control: Control;

beforeAll(async () => {
  home = mkdtempSync(join(tmpdir(), 'patchbay-kill-'));
  const { DATABASE_URL: _url, TEMPORAL_ADDRESS: _address, ...env } = process.env;
  const settings = { ...env, PATCHBAY_HOME: home, LOG_LEVEL: 'warn', RECONCILE_INTERVAL_SECONDS: '2' };
  stack = await startStack(settings, () => undefined, new AbortController().signal);
  const { api_url: url, api_key: key, sandbox } = stack.describe();
  api = createClient(url, key);
  control = createControl(sandbox?.control_url ?? '');
}, 300_000);
afterAll(async () => {
  await stack?.stop();
  rmSync(home, { recursive: true, force: true });
}, 60_000);

type Part = 'api' | 'worker' | 'temporal' | 'postgres';

/** Ends a process as a crash would, and waits until its supervisor has put another in its place. */
async function kill(part: Part): Promise<void> {
  const before = stack.describe().pids[part];
  process.kill(before ?? 0, 'SIGKILL');
  await eventually(`${part} to be back`, async () => {
    const now = stack.describe().pids[part];
    return now !== null && now !== before;
  });
}

const ready = (): Promise<unknown> =>
  eventually('the stack to be ready', async () => (await api.get('/readyz')).status === 200);

const begin = async (body: object): Promise<any> => {
  const answer = await api.post('/api/v1/accounts', { provider: 'unipile', owner: 'kim', ...body });
  expect(answer.status).toBe(202);
  return answer.body;
};
const upstream = async (id: string): Promise<string> =>
  (await api.get(`/api/v1/accounts/${id}`)).body.provider_account_id;

it('goes on after the worker was killed while a QR code waited', async () => {
  const { account } = await begin({ channel: 'whatsapp' });
  const id = await upstream(account.id);
  await kill('worker');
  await control.post('/scan', { account_id: id });
  await api.account(account.id, 'active');
});

it('posts a code once although the API was killed between its submission and its answer', async () => {
  const credentials = { username: '2fa@kill.example', password: 'correct horse' };
  const { account, attempt } = await begin({ channel: 'linkedin', credentials });
  const before = await control.count('POST', '/api/v1/accounts/checkpoint');
  const submit = () =>
    api.post(
      `/api/v1/accounts/${account.id}/attempt/steps/${attempt.step.id}`,
      { answer: '123456' },
      { 'idempotency-key': 'kill-api' },
    );
  const first = submit().catch(() => null);
  await new Promise((resolve) => setImmediate(resolve));
  await kill('api');
  await first;
  await ready();
  await eventually('the answer', async () => ((await submit()).status < 300 ? true : null));
  await api.account(account.id, 'active');
  expect((await control.count('POST', '/api/v1/accounts/checkpoint')) - before).toBe(1);
});

it.each(['temporal', 'postgres'] as const)('finishes an onboarding during which %s was killed', async (part) => {
  const credentials = { username: `2fa@${part}.example`, password: 'correct horse' };
  const { account, attempt } = await begin({ channel: 'linkedin', credentials });
  await kill(part);
  await ready();
  await eventually('the code to be taken', async () => {
    const answer = await api.post(`/api/v1/accounts/${account.id}/attempt/steps/${attempt.step.id}`, {
      answer: '123456',
    });
    return answer.status < 300 || answer.body.code === 'stale_step';
  });
  await api.account(account.id, 'active');
});

it('asked the provider once for each login', async () => {
  expect(await control.count('POST', '/api/v1/accounts')).toBe(4);
});

import type { Client } from '@temporalio/client';
import { rows, sql } from '../../db/sql.ts';
import { eventually } from '../support/eventually.ts';
import { temporalClient } from '../support/history.ts';
import type { ApiClient } from '../support/client.ts';
import { startTestStack, type TestStack } from '../support/stack.ts';

let stack: TestStack;
let client: Client;
let tenant: ApiClient;
const accounts: { id: string; upstream: string }[] = [];

const settings = (accessToken: string) => ({
  dsn: stack.config.providers['unipile']?.['dsn'] ?? '',
  access_token: accessToken,
});

beforeAll(async () => {
  [stack, client] = await Promise.all([startTestStack({ RECONCILE_INTERVAL_SECONDS: '0.5' }), temporalClient()]);
  tenant = await stack.client('refused');
  expect((await tenant.put('/api/v1/providers/unipile', settings('sandbox-key'))).status).toBe(200);
  for (let n = 0; n < 3; n += 1) {
    const { body } = await tenant.post('/api/v1/accounts', {
      provider: 'unipile',
      channel: 'linkedin',
      owner: 'maya',
      credentials: { username: `plain@refused${n}.example`, password: 'correct horse' },
    });
    const account = await tenant.account(body.account.id, 'active');
    accounts.push({ id: account.id, upstream: account.provider_account_id });
  }
});
afterAll(async () => {
  await client?.connection.close();
  await stack?.stop();
});

const shown = () =>
  Promise.all(accounts.map(async ({ id }) => (await tenant.get(`/api/v1/accounts/${id}`)).body as Record<string, any>));
const calls = async (): Promise<number> =>
  ((await stack.control.get('/calls')) as { provider: string; count: number }[])
    .filter(({ provider }) => provider === 'unipile')
    .reduce((sum, { count }) => sum + count, 0);
const runs = async (): Promise<number> =>
  (await client.workflow.count(`TaskQueue = '${stack.config.TEMPORAL_TASK_QUEUE}' and PatchbayKind = 'connection'`))
    .count;
/** Reports about the accounts whose signal was sent. */
const reports = async (): Promise<number> => {
  const [row] = await stack.worker.context.db.system((em) =>
    rows<{ n: number }>(
      em,
      sql`select count(*)::int as n from webhook_events where kind = 'account_status' and state = 'processed'
          and not owes_signal`,
    ),
  );
  return row?.n ?? 0;
};
const syncsRunning = async (): Promise<number> => {
  const [row] = await stack.worker.context.db.system((em) =>
    rows<{ n: number }>(em, sql`select count(*)::int as n from sync_runs where state = 'running'`),
  );
  return row?.n ?? 0;
};
const credentials = async (): Promise<{ probes: number; rest: number }> => {
  const [row] = await stack.worker.context.db.system((em) =>
    rows<{ probes: number; rest: number }>(
      em,
      sql`select probes, extract(epoch from probe_at - refused_at)::int as rest from provider_credentials
          where tenant_id is not null and refused_at is not null`,
    ),
  );
  if (!row) throw new Error('no key is refused');
  return row;
};

it('a refused key is shown on every account of its credentials, and only probes use it', async () => {
  expect((await tenant.put('/api/v1/providers/unipile', settings('revoked'))).status).toBe(200);
  // A webhook of one account is how Patchbay finds out.
  await stack.control.post('/drop', { account_id: accounts[0]?.upstream, status: 'ERROR' });
  const all = await eventually('all accounts to show it', async () => {
    const found = await shown();
    return found.every(({ reason }) => reason === 'provider_key_rejected') && found;
  });
  for (const account of all) expect(account).toMatchObject({ state: 'degraded', who: 'operator' });
  expect(all[0]?.what_to_do).toMatch(/access token/);

  // What is requested meanwhile waits: no run asks the provider, and the reconciler begins no run.
  const reported = await reports();
  for (const { upstream } of accounts.slice(1))
    await stack.control.post('/drop', { account_id: upstream, status: 'ERROR' });
  await eventually('their webhooks', async () => (await reports()) >= reported + 2);
  await eventually('the runs of these webhooks', async () => {
    const open = await client.workflow.count(
      `TaskQueue = '${stack.config.TEMPORAL_TASK_QUEUE}' and ExecutionStatus = 'Running' and PatchbayKind = 'connection'`,
    );
    return open.count === 0;
  });
  await eventually('the first syncs, which had begun before', async () => (await syncsRunning()) === 0);
  const [callsBefore, runsBefore, { probes }] = [await calls(), await runs(), await credentials()];
  for (let round = 0; round < 6; round += 1) {
    await stack.control.post('/clock', { advance_seconds: 3600 });
    await eventually('a probe', async () => (await credentials()).probes > probes + round);
  }
  const made = (await credentials()).probes - probes;
  expect((await calls()) - callsBefore).toBe(made);
  expect(await runs()).toBe(runsBefore);
});

it('probes rest longer and longer', async () => {
  const { probes, rest } = await credentials();
  expect(probes).toBeGreaterThan(5);
  expect(rest).toBeGreaterThan(3600);
});

it('a login that the refused key ends is a matter of the operator', async () => {
  const { id } = accounts[0] ?? { id: '' };
  expect((await tenant.post(`/api/v1/accounts/${id}/reconnect`)).status).toBe(202);
  expect(await tenant.account(id, 'reconnect_required')).toMatchObject({
    reason: 'provider_key_rejected',
    who: 'operator',
    what_to_do: expect.stringMatching(/access token/),
  });
});

it('a key that is accepted again brings all its accounts back', async () => {
  expect((await tenant.put('/api/v1/providers/unipile', settings('sandbox-key'))).status).toBe(200);
  for (const { id } of accounts) {
    await eventually('no reason', async () => (await tenant.get(`/api/v1/accounts/${id}`)).body.reason === null);
    await tenant.account(id, 'active');
  }
});

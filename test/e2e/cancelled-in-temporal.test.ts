import type { Client } from '@temporalio/client';
import pg from 'pg';
import { connectionWorkflowId, erasureWorkflowId, syncWorkflowId } from '../../domain/workflow-ids.ts';
import { createReconciler } from '../../services/reconcile/reconcile.ts';
import { eventually } from '../support/eventually.ts';
import { temporalClient } from '../support/history.ts';
import { startTestStack, type TestStack } from '../support/stack.ts';

let stack: TestStack;
let client: Client;
beforeAll(async () => {
  // Nothing is repaired but what a test asks for.
  [stack, client] = await Promise.all([startTestStack({ RECONCILE_INTERVAL_SECONDS: '3600' }), temporalClient()]);
});
afterAll(async () => {
  await client?.connection.close();
  await stack?.stop();
});

const begin = async (body: object): Promise<any> =>
  (await stack.api.post('/api/v1/accounts', { provider: 'unipile', owner: 'maya', ...body })).body;
const handleOf = (id: string) => client.workflow.getHandle(connectionWorkflowId(id));

it('a run that is cancelled in Temporal cancels its attempt and deletes what it made at the provider', async () => {
  const { account } = await begin({ channel: 'whatsapp' });
  const upstream = (await stack.api.get(`/api/v1/accounts/${account.id}`)).body.provider_account_id;
  expect((await stack.provider('GET', `/accounts/${upstream}`)).status).toBe(200);
  await handleOf(account.id).cancel();
  await eventually(
    'the end of the run',
    async () => (await handleOf(account.id).describe()).status.name === 'CANCELLED',
  );
  const { body: attempt } = await stack.api.get(`/api/v1/accounts/${account.id}/attempt`);
  expect(attempt).toMatchObject({ state: 'cancelled', reason: 'cancelled' });
  expect((await stack.provider('GET', `/accounts/${upstream}`)).status).toBe(404);
});

it('a run that is cancelled while it makes a call ends as one that is cancelled at a step', async () => {
  await stack.control.put('/faults', { provider: 'unipile', route: 'POST /api/v1/accounts', rate_500: true, times: 4 });
  const begun = stack.api.post('/api/v1/accounts', { provider: 'unipile', owner: 'maya', channel: 'whatsapp' });
  const id = await eventually('the account', async () => {
    const { items } = (await stack.api.get('/api/v1/accounts')).body;
    const found = items.find((one: any) => one.state === 'connecting');
    return found && (await handleOf(found.id).describe()).status.name === 'RUNNING' && (found.id as string);
  });
  await handleOf(id).cancel();
  // The request waited for the first step.
  expect(await begun).toMatchObject({ status: 202, body: { account: { id } } });
  await eventually('the end of the run', async () => (await handleOf(id).describe()).status.name === 'CANCELLED');
  expect((await stack.api.get(`/api/v1/accounts/${id}/attempt`)).body.state).toBe('cancelled');
  await stack.control.put('/faults', { provider: 'unipile', route: 'POST /api/v1/accounts' });
});

it('an attempt whose run was terminated goes on 30 seconds after its next check was due', async () => {
  const { account, attempt } = await begin({
    channel: 'linkedin',
    credentials: { username: 'approve@terminated.example', password: 'correct horse' },
  });
  expect(attempt.step.kind).toBe('approve');
  const before = await handleOf(account.id).describe();
  await handleOf(account.id).terminate('by an operator');
  const now = Date.now();
  const at = async (ms: number) => {
    const context = { ...stack.worker.context, clock: { now: () => new Date(now + ms) } };
    await createReconciler(context, 15_000).round(() => false);
    return (await handleOf(account.id).describe()).runId;
  };
  expect(await at(20_000)).toBe(before.runId);
  // The first check is due 5 seconds after the step was placed.
  expect(await at(36_000)).not.toBe(before.runId);
  expect((await handleOf(account.id).describe()).status.name).toBe('RUNNING');
});

it('a sync that is cancelled in Temporal is cancelled, and not begun again', async () => {
  const { account } = await begin({
    channel: 'linkedin',
    credentials: { username: 'plain@sync.example', password: 'correct horse' },
  });
  await stack.api.account(account.id, 'active');
  await stack.control.put('/faults', { provider: 'unipile', route: 'GET /api/v1/accounts/:id', rate_500: true });
  const { body: run } = await stack.api.post(`/api/v1/accounts/${account.id}/syncs`, { kind: 'details' });
  const handle = client.workflow.getHandle(syncWorkflowId('details', account.id));
  await eventually('a try', async () => (await stack.control.count('GET', '/api/v1/accounts/:id')) > 0);
  await handle.cancel();
  const ended = await eventually('the end of the sync', async () => {
    const { body } = await stack.api.get(`/api/v1/syncs/${run.id}`);
    return body.state !== 'running' && body;
  });
  expect(ended).toMatchObject({ state: 'cancelled', reason: 'cancelled' });
  await eventually('the end of the run', async () => (await handle.describe()).status.name === 'CANCELLED');
});

it('an erasure whose run is cancelled in Temporal is begun again: it is owed to the person', async () => {
  const holder = new pg.Client({ connectionString: stack.database.ownerUrl });
  await holder.connect();
  await holder.query('begin');
  await holder.query('lock table erased_subjects in share row exclusive mode');
  const { body: erasure } = await stack.api.post('/api/v1/erasures', { phone: '+33639987788' });
  expect(erasure.state).toBe('running');
  const handle = client.workflow.getHandle(erasureWorkflowId(erasure.id));
  const { runId } = await handle.describe();
  await handle.cancel();
  await eventually('the end of the run', async () => (await handle.describe()).status.name === 'CANCELLED');
  expect((await stack.api.get(`/api/v1/erasures/${erasure.id}`)).body.state).toBe('running');
  await holder.end();
  const clock = { now: () => new Date(Date.now() + 31_000) };
  await createReconciler({ ...stack.worker.context, clock }, 15_000).round(() => false);
  const next = await handle.describe();
  expect(next.runId).not.toBe(runId);
  expect(await next.staticDetails()).toBe('Started by: reconciler');
  await handle.result();
  expect((await stack.api.get(`/api/v1/erasures/${erasure.id}`)).body.state).toBe('done');
});

it('PatchbayState says in which state a run left the account, and nothing of runs that say nothing', async () => {
  const { account } = await begin({ channel: 'whatsapp' });
  const stateOf = async (id: string): Promise<unknown> =>
    (await client.workflow.getHandle(id).describe()).searchAttributes['PatchbayState'];
  expect(await stateOf(connectionWorkflowId(account.id))).toBeUndefined();
  await handleOf(account.id).cancel();
  await eventually(
    'the end of the run',
    async () => (await handleOf(account.id).describe()).status.name === 'CANCELLED',
  );
  expect(await stateOf(connectionWorkflowId(account.id))).toEqual(['failed']);
  for await (const run of client.workflow.list({ query: `TaskQueue = '${stack.config.TEMPORAL_TASK_QUEUE}'` }))
    if (run.workflowId.startsWith('sync/')) expect(await stateOf(run.workflowId)).toBeUndefined();
});

import { ScheduleOverlapPolicy, type Client } from '@temporalio/client';
import pg from 'pg';
import { rows, sql } from '../../db/sql.ts';
import { maintain, type MaintenanceResult } from '../../services/maintenance/maintain.ts';
import { maintenanceParts } from '../../services/maintenance/parts.ts';
import { scheduleId } from '../../temporal/schedules.ts';
import { eventually } from '../support/eventually.ts';
import { eventCountOf, temporalClient } from '../support/history.ts';
import { startTestStack, type TestStack } from '../support/stack.ts';

let stack: TestStack;
let client: Client;
beforeAll(async () => {
  [stack, client] = await Promise.all([startTestStack(), temporalClient()]);
});
afterAll(async () => {
  await client?.connection.close();
  await stack?.stop();
});

const linkedin = (name: string) => ({
  provider: 'unipile',
  channel: 'linkedin',
  owner: 'maya',
  credentials: { username: `plain@${name}.example`, password: 'correct horse' },
});

/** With their results. */
async function maintenanceRuns(): Promise<{ workflowId: string; runId: string; result: MaintenanceResult }[]> {
  const query = `WorkflowType = 'maintenance' AND TaskQueue = '${stack.config.TEMPORAL_TASK_QUEUE}' AND ExecutionStatus = 'Completed'`;
  const found = [];
  for await (const { workflowId, runId } of client.workflow.list({ query }))
    found.push({ workflowId, runId, result: await client.workflow.getHandle(workflowId, runId).result() });
  return found;
}

/** The number of stored Idempotency-Keys. */
const keys = (): Promise<number> =>
  stack.worker.context.db.system(async (em) => (await rows(em, sql`select 1 from idempotency_keys`)).length);

it('is a run that Temporal lists, with its result in numbers', async () => {
  for (const name of ['one', 'two'])
    await stack.api.post('/api/v1/accounts', linkedin(name), { 'idempotency-key': `maintenance-${name}` });
  expect(await keys()).toBe(2);
  // A day later the keys have expired, and the jump of the clock starts the maintenance.
  await stack.control.post('/clock', { advance_seconds: 86_401 });
  await eventually('the keys to be removed', async () => (await keys()) === 0);
  const runs = await eventually('a run that removed them', async () => {
    const all = await maintenanceRuns();
    return all.some(({ result }) => result.done.idempotency_keys === 2) ? all : null;
  });
  for (const { result } of runs) {
    expect(Object.keys(result.done).sort()).toEqual(Object.keys(maintenanceParts).sort());
    expect(result).toMatchObject({ failed: [], unfinished: [] });
  }
  const [{ workflowId, runId } = { workflowId: '', runId: '' }] = runs;
  expect(workflowId).toMatch(/^maintenance\//);
  const history = await client.workflow.getHandle(workflowId, runId).fetchHistory();
  expect(eventCountOf(history)).toBeLessThanOrEqual(11);
});

it('runs every part when one fails', async () => {
  const { context } = stack.worker;
  const { body } = await stack.api.post('/api/v1/accounts', linkedin('three'), { 'idempotency-key': 'maintenance-3' });
  await stack.api.account(body.account.id, 'active');
  const in31Days = new Date(context.clock.now().getTime() + 31 * 86_400_000);
  const run = (): Promise<MaintenanceResult> => maintain(context, in31Days, new AbortController().signal);
  const owner = new pg.Client({ connectionString: stack.database.ownerUrl });
  await owner.connect();
  try {
    await owner.query(`alter table accounts add constraint refuse check (raw_details is not null) not valid`);
    const result = await run();
    expect(result.failed).toEqual(['raw_details']);
    expect(result.done).toMatchObject({ sync_runs: 0, contacts: 0, idempotency_keys: 1, webhook_registrations: 0 });
    const failures = (await context.metrics.maintenance.get()).values.filter(
      ({ labels }) => labels.outcome === 'unexpected',
    );
    expect(failures).toMatchObject([{ value: 1, labels: { part: 'raw_details' } }]);
    await owner.query('alter table accounts drop constraint refuse');
    const next = await run();
    expect(next.failed).toEqual([]);
    expect(next.done.raw_details).toBeGreaterThan(0);
  } finally {
    await owner.end();
  }
});

it('leaves the rest to the next run when its worker stops', async () => {
  const { context } = stack.worker;
  const stopped = AbortSignal.abort(new Error('stopped'));
  await expect(maintain(context, context.clock.now(), stopped)).rejects.toThrow('stopped');
});

it('has a Schedule with the action and policies of this version', async () => {
  const id = scheduleId('maintenance', stack.config.TEMPORAL_TASK_QUEUE);
  const handle = client.schedule.getHandle(id);
  const right = await handle.describe();
  expect(right.spec.intervals).toEqual([expect.objectContaining({ every: 60_000 })]);
  // Made by an older version.
  await handle.update((found) => ({
    ...found,
    action: { type: 'startWorkflow', workflowType: 'older', workflowId: id, taskQueue: 'older', args: [1] },
    policies: { overlap: ScheduleOverlapPolicy.ALLOW_ALL, catchupWindow: '1 hour' },
  }));
  const second = await stack.startWorker();
  const now = await eventually('the Schedule of this version', async () => {
    const found = await handle.describe();
    return found.action.workflowType === 'maintenance' ? found : null;
  });
  await second.stop();
  expect(now.action).toMatchObject({ taskQueue: stack.config.TEMPORAL_TASK_QUEUE, args: [] });
  expect(now.policies).toEqual(right.policies);
});

it.each(['syncAllContacts', 'syncPlatforms', 'fetchPictures', 'fetchMedia', 'refreshTokens', 'maintenance'])(
  'has the Schedule %s back within ten minutes when Temporal has lost it',
  async (type) => {
    const handle = client.schedule.getHandle(scheduleId(type, stack.config.TEMPORAL_TASK_QUEUE));
    await handle.delete();
    await stack.control.post('/clock', { advance_seconds: 601 });
    await eventually('the Schedule', async () => (await handle.describe()).scheduleId);
  },
);

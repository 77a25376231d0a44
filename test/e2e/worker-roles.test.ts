import { eventually } from '../support/eventually.ts';
import { startTestStack, type TestStack } from '../support/stack.ts';

let stack: TestStack;
const others: Awaited<ReturnType<TestStack['startWorker']>>[] = [];
beforeAll(async () => {
  stack = await startTestStack({ WORKER_ROLES: 'workflows' });
});
afterAll(async () => {
  for (const other of others) await other.stop();
  await stack?.stop();
});

it('P2: workflows, interactive calls and backfill run in separate workers', async () => {
  const { body } = await stack.api.post('/api/v1/accounts', {
    provider: 'unipile',
    channel: 'linkedin',
    owner: 'maya',
    credentials: { username: 'plain@roles.example', password: 'correct horse' },
  });
  // No worker does the calls: the answer is an attempt to poll, not an error.
  expect(body.attempt).toMatchObject({ state: 'running', step: { kind: 'wait' } });

  others.push(await stack.startWorker(['activities']));
  await stack.api.account(body.account.id, 'active');
  const { body: run } = await stack.api.post(`/api/v1/accounts/${body.account.id}/syncs`, { kind: 'details' });
  expect(run.state).toBe('running');

  others.push(await stack.startWorker(['backfill']));
  await eventually('the sync', async () => (await stack.api.get(`/api/v1/syncs/${run.id}`)).body.state === 'succeeded');
});

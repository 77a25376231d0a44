import type { Client } from '@temporalio/client';
import { connectionWorkflowId } from '../../domain/workflow-ids.ts';
import { eventually } from '../support/eventually.ts';
import { temporalClient } from '../support/history.ts';
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

async function begin(body: object): Promise<{ id: string; upstream: string }> {
  const { body: answer } = await stack.api.post('/api/v1/accounts', { provider: 'unipile', owner: 'o', ...body });
  const { id } = answer.account;
  return { id, upstream: (await stack.api.get(`/api/v1/accounts/${id}`)).body.provider_account_id };
}
const isGone = (upstream: string) => async (): Promise<boolean> =>
  (await stack.provider('GET', `/accounts/${upstream}`)).status === 404;

describe('A8: what an operator does to a run in the Temporal UI', () => {
  it('cancel: the attempt is cancelled, and what it made at the provider is deleted', async () => {
    const { id, upstream } = await begin({ channel: 'whatsapp' });
    const handle = client.workflow.getHandle(connectionWorkflowId(id));
    await handle.cancel();
    expect(await stack.api.step(id, 'failed')).toMatchObject({ state: 'cancelled', reason: 'cancelled' });
    expect((await stack.api.get(`/api/v1/accounts/${id}`)).body).toMatchObject({
      state: 'failed',
      reason: 'cancelled',
    });
    await eventually('nothing at the provider', isGone(upstream));
    await expect(handle.result()).rejects.toMatchObject({ name: 'WorkflowFailedError' });
    expect((await handle.describe()).status.name).toBe('CANCELLED');
  });

  it('terminate: a new run continues the attempt once its next poll is half a minute late', async () => {
    const credentials = { username: 'approve@terminated.example', password: 'correct horse' };
    const { id, upstream } = await begin({ channel: 'linkedin', credentials });
    await stack.api.step(id, 'approve');
    await stack.control.put('/faults', { provider: 'unipile', webhook_drop: 1 });
    await client.workflow.getHandle(connectionWorkflowId(id)).terminate('an operator ended it');
    await stack.control.post('/approve', { account_id: upstream });
    // Long before the step's own end.
    await stack.control.post('/clock', { advance_seconds: 60 });
    await stack.api.account(id, 'active');
    await stack.control.put('/faults', { provider: 'unipile' });
  });
});

import { randomUUID } from 'node:crypto';
import { NativeConnection, Worker } from '@temporalio/worker';
import { backfillQueue } from '../../domain/workflow-ids.ts';
import { createLog } from '../../platform/log.ts';
import { createDataConverter } from '../../temporal/codec.ts';
import { installRuntime } from '../../workers/runtime.ts';
import { required } from '../support/database.ts';
import { actionsOf, eventCountOf, temporalClient } from '../support/history.ts';
import { testKeys } from '../support/key.ts';
import { syncProgress } from './time-skipping.ts';

it('reads history for an hour within 7 actions and 41 events', async () => {
  installRuntime(createLog('test', 'silent'));
  const [connection, client] = await Promise.all([
    NativeConnection.connect({ address: required('PATCHBAY_TEST_TEMPORAL_ADDRESS') }),
    temporalClient(),
  ]);
  const taskQueue = `backfill-${randomUUID()}`;
  // An activity hands back after ten minutes.
  let left = 6;
  const activities = {
    syncConversations: () => {
      left -= 1;
      const counts = { conversations: 1_000, messages: 20_000 };
      return Promise.resolve(syncProgress(left ? { more: true, state: 'running', counts } : { counts }));
    },
  };
  const shared = { connection, activities, dataConverter: createDataConverter(async () => testKeys) };
  const workflowBundle = { codePath: required('WORKFLOW_BUNDLE') };
  const [workflows, backfill] = await Promise.all([
    Worker.create({ ...shared, taskQueue, workflowBundle }),
    Worker.create({ ...shared, taskQueue: backfillQueue(taskQueue) }),
  ]);
  const input = { tenantId: 'tenant', accountId: 'account', scope: '', heartbeatSeconds: 30 };
  const history = await workflows.runUntil(
    backfill.runUntil(async () => {
      const options = { taskQueue, workflowId: `history/${taskQueue}`, args: [input] };
      const handle = await client.workflow.start('syncConversations', options);
      await handle.result();
      return handle.fetchHistory();
    }),
  );
  await Promise.all([connection.close(), client.connection.close()]);
  expect(left).toBe(0);
  expect(actionsOf(history)).toBeLessThanOrEqual(7);
  expect(eventCountOf(history)).toBeLessThanOrEqual(41);
}, 60_000);

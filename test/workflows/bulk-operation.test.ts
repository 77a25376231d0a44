import { mkdirSync, writeFileSync } from 'node:fs';
import type { Client } from '@temporalio/client';
import { bulkWorkflowId } from '../../domain/workflow-ids.ts';
import { bundle, replay } from '../replay/replay.ts';
import { actionsOf, eventCountOf, temporalClient, toJson } from '../support/history.ts';
import { startTestStack, type TestStack } from '../support/stack.ts';
import { linkedin } from '../support/unipile-account.ts';

let stack: TestStack;
let client: Client;
beforeAll(async () => {
  [stack, client] = await Promise.all([startTestStack(), temporalClient()]);
});
afterAll(async () => {
  await client?.connection.close();
  await stack?.stop();
});

it('labels accounts within 4 actions and 20 events, and sends Temporal nothing of them', async () => {
  const { body } = await stack.api.post('/api/v1/accounts', linkedin('plain', 'history'));
  await stack.api.account(body.account.id, 'active');
  const label = 'A label of ours';
  const { body: begun } = await stack.api.post('/api/v1/bulk-operations', { operation: 'label', label, filter: {} });
  const handle = client.workflow.getHandle(bulkWorkflowId(begun.id));
  expect(await handle.result()).toMatchObject({ total: 1, done: 1 });
  const history = await handle.fetchHistory();
  expect(actionsOf(history)).toBeLessThanOrEqual(4);
  expect(eventCountOf(history)).toBeLessThanOrEqual(20);
  const json = toJson(history);
  const commands = await replay(await bundle(), json, 'connection/recorded');
  expect(JSON.stringify(commands)).not.toContain(label);
  if (process.env.PATCHBAY_RECORD !== '1') return;
  const folder = new URL('../replay/histories/', import.meta.url);
  mkdirSync(folder, { recursive: true });
  writeFileSync(new URL('bulk-operation.history.json', folder), json);
  writeFileSync(new URL('bulk-operation.commands.json', folder), JSON.stringify(commands, null, 1));
});

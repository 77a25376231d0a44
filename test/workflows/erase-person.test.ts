import { mkdirSync, writeFileSync } from 'node:fs';
import type { Client } from '@temporalio/client';
import { erasureWorkflowId } from '../../domain/workflow-ids.ts';
import { bundle, replay } from '../replay/replay.ts';
import { actionsOf, eventCountOf, temporalClient, toJson } from '../support/history.ts';
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

it('erases a person within 4 actions and 23 events, and sends Temporal nothing about the person', async () => {
  const { body } = await stack.api.post('/api/v1/erasures?wait=20', { phone: '+33639987777' });
  expect(body.state).toBe('done');
  const handle = client.workflow.getHandle(erasureWorkflowId(body.id));
  await handle.result();
  const history = await handle.fetchHistory();
  expect(actionsOf(history)).toBeLessThanOrEqual(4);
  expect(eventCountOf(history)).toBeLessThanOrEqual(23);
  const json = toJson(history);
  const commands = await replay(await bundle(), json, 'connection/recorded');
  expect(JSON.stringify(commands)).not.toContain('33639987777');
  if (process.env.PATCHBAY_RECORD !== '1') return;
  const folder = new URL('../replay/histories/', import.meta.url);
  mkdirSync(folder, { recursive: true });
  writeFileSync(new URL('erase-person.history.json', folder), json);
  writeFileSync(new URL('erase-person.commands.json', folder), JSON.stringify(commands, null, 1));
});

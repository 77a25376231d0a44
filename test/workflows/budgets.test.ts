import type { Client } from '@temporalio/client';
import {
  actionsOf,
  activitiesOf,
  connectionHistory,
  detailsHistory,
  eventCountOf,
  signalsOf,
  temporalClient,
  type History,
} from '../support/history.ts';
import { eventually } from '../support/eventually.ts';
import { syncWorkflowId } from '../../domain/workflow-ids.ts';
import { scheduleId } from '../../temporal/schedules.ts';
import { visitor } from '../support/hosted-page.ts';
import { startTestStack, type TestStack } from '../support/stack.ts';
import { createContactSyncs } from '../contacts/contact-syncs.ts';
import { keep } from './record.ts';

let stack: TestStack;
let client: Client;
beforeAll(async () => {
  // Without the reconciler, but for jumps of the clock: its signals depend on how fast the machine is.
  const settings = { RECONCILE_INTERVAL_SECONDS: '3600' };
  [stack, client] = await Promise.all([startTestStack(settings), temporalClient()]);
});
afterAll(async () => {
  await client?.connection.close();
  await stack?.stop();
});

const begin = async (body: object): Promise<any> => {
  const { body: answer } = await stack.api.post('/api/v1/accounts', { provider: 'unipile', owner: 'o', ...body });
  const account = (await stack.api.get(`/api/v1/accounts/${answer.account.id}`)).body;
  return { id: account.id, upstream: account.provider_account_id, step: answer.attempt.step };
};
const login = (username: string) => ({ channel: 'linkedin', credentials: { username, password: 'correct horse' } });
const answer = async (id: string, step: any, value: string): Promise<any> =>
  (await stack.api.post(`/api/v1/accounts/${id}/attempt/steps/${step.id}`, { answer: value })).body.step;

it('connects by one valid QR within 9 actions and 40 events', async () => {
  const { id, upstream } = await begin({ channel: 'whatsapp' });
  await stack.control.post('/scan', { account_id: upstream });
  await stack.api.account(id, 'active');
  const history = await keep('connect-qr', await connectionHistory(client, id));
  expect(actionsOf(history)).toBeLessThanOrEqual(9);
  expect(eventCountOf(history)).toBeLessThanOrEqual(40);
});

it('renews a QR for 2 actions and 11 events', async () => {
  const { id, upstream, step } = await begin({ channel: 'whatsapp' });
  await stack.control.post('/clock', { advance_seconds: 90 });
  await stack.api.get(`/api/v1/accounts/${id}/attempt?after=${step.id}&wait=20`);
  await stack.control.post('/scan', { account_id: upstream });
  await stack.api.account(id, 'active');
  const history = await keep('connect-qr-renewed', await connectionHistory(client, id));
  // The clock was moved, so the renewal left its timer behind and came by signals: of the waiting request, and of the
  // reconciler where it was as fast. One signal is the webhook's. A signal that comes during the renewal asks for one
  // check more.
  const byClock = signalsOf(history) - 1;
  const moreChecks = activitiesOf(history, 'checkLogin') - 2;
  expect(moreChecks).toBeLessThan(Math.max(byClock, 1));
  expect(actionsOf(history)).toBeLessThanOrEqual(9 + 2 + 1 + byClock + moreChecks);
  // A signal takes one workflow task of three events; a check is three events and a workflow task.
  expect(eventCountOf(history)).toBeLessThanOrEqual(40 + 11 + 2 + 4 * byClock + 6 * moreChecks);
});

it('adds 3 actions for the first checkpoint and 2 actions, 11 events for each further answer', async () => {
  const { id, step } = await begin(login('2fa@budget.example'));
  const next = await answer(id, step, '000000');
  await answer(id, next, '123456');
  await stack.api.account(id, 'active');
  const history = await keep('connect-2fa', await connectionHistory(client, id));
  expect(actionsOf(history)).toBeLessThanOrEqual(9 + 3 + 2);
  expect(eventCountOf(history)).toBeLessThanOrEqual(40 + 13 + 11);
});

it('connects by a login page within 12 actions and 51 events, with callback and status', async () => {
  const { id, step } = await begin({ channel: 'linkedin', method: 'hosted' });
  await visitor().send(step.url, {
    action: 'begin',
    provider: 'LINKEDIN',
    username: 'plain+b@b.example',
    password: 'p',
  });
  await stack.api.account(id, 'active');
  const history = await keep('connect-page', await connectionHistory(client, id));
  expect(actionsOf(history)).toBeLessThanOrEqual(9 + 3);
  expect(eventCountOf(history)).toBeLessThanOrEqual(40 + 11);
});

it('revives an account without its owner within 5 actions', async () => {
  const { id, upstream } = await begin(login('plain@revive.example'));
  await stack.api.account(id, 'active');
  await connectionHistory(client, id);
  await stack.control.post('/drop', { account_id: upstream, status: 'ERROR' });
  await eventually('the restart', async () => (await stack.control.count('POST', '/api/v1/accounts/:id/restart')) > 0);
  const history = await keep('revive', await connectionHistory(client, id));
  expect(actionsOf(history)).toBeLessThanOrEqual(5);
});

it('reconnects by QR, gives up at the deadline, and disconnects in histories of the same kind', async () => {
  const { id, upstream } = await begin({ channel: 'whatsapp' });
  await stack.control.post('/scan', { account_id: upstream });
  await stack.api.account(id, 'active');
  await connectionHistory(client, id);
  await stack.control.post('/drop', { account_id: upstream, status: 'CREDENTIALS' });
  await stack.api.account(id, 'reconnect_required');
  await connectionHistory(client, id);
  await stack.api.post(`/api/v1/accounts/${id}/reconnect`);
  await stack.api.step(id, 'qr');
  await stack.control.post('/scan', { account_id: upstream });
  await stack.api.account(id, 'active');
  await keep('reconnect-qr', await connectionHistory(client, id));

  await stack.api.post(`/api/v1/accounts/${id}/reconnect`, { credentials: {}, force: true });
  await stack.api.step(id, 'qr', 'done');
  await stack.api.delete(`/api/v1/accounts/${id}`);
  await stack.api.account(id, 'disconnected');
  await keep('disconnect', await connectionHistory(client, id));

  const late = await begin({ channel: 'whatsapp' });
  await stack.control.post('/clock', { advance_seconds: 11 * 60 });
  await stack.api.step(late.id, 'failed');
  await keep('deadline', await connectionHistory(client, late.id));
});

it('collects details within 11 events', async () => {
  const { id } = await begin(login('plain@details.example'));
  await stack.api.account(id, 'active');
  await stack.api.post(`/api/v1/accounts/${id}/syncs?wait=20`, { kind: 'details' });
  const history = await keep('sync-details', await detailsHistory(client, id));
  expect(eventCountOf(history)).toBeLessThanOrEqual(11);
  expect(actionsOf(history)).toBeLessThanOrEqual(3);
});

/** Of a workflow whose id begins with `prefix`, once it has ended. */
async function newest(prefix: string): Promise<History> {
  const id = await eventually(`a run of ${prefix}`, async () => {
    for await (const run of client.workflow.list({ query: `WorkflowId STARTS_WITH '${prefix}'` }))
      if (run.status.name === 'COMPLETED') return run.workflowId;
    return null;
  });
  return client.workflow.getHandle(id).fetchHistory();
}

it('reads an address book within 11 events and 4 actions, also when it fails', async () => {
  const syncs = createContactSyncs(stack);
  const { id } = await syncs.connected({ size: 20, seed: 'budget' });
  const history = await keep('sync-contacts', await newest(syncWorkflowId('contacts', id)));
  expect(eventCountOf(history)).toBeLessThanOrEqual(11);
  expect(actionsOf(history)).toBeLessThanOrEqual(4);

  const run = await syncs.sync(id, { phone: '+33639980000' });
  expect(run).toMatchObject({ state: 'failed', reason: 'not_found' });
  await keep('sync-contacts-failed', await newest(syncWorkflowId('contacts', id, run.scope)));
});

it('reads conversations within 11 events and 4 actions', async () => {
  const { id, upstream } = await begin({ channel: 'whatsapp' });
  await stack.control.put('/address-book', { account_id: upstream, size: 20, seed: 'budget' });
  await stack.control.post('/scan', { account_id: upstream });
  await stack.api.account(id, 'active');
  const history = await keep('sync-conversations', await newest(syncWorkflowId('conversations', id)));
  expect(eventCountOf(history)).toBeLessThanOrEqual(11);
  expect(actionsOf(history)).toBeLessThanOrEqual(4);
});

it.each([
  ['syncAllContacts', 'sync-all-contacts'],
  ['syncPlatforms', 'sync-platforms'],
  ['fetchPictures', 'fetch-pictures'],
  ['fetchMedia', 'fetch-media'],
  ['refreshTokens', 'refresh-tokens'],
  ['remindOwners', 'remind-owners'],
])('sweeps by a Schedule within 11 events: %s', async (type, name) => {
  await stack.trigger(type);
  const history = await keep(name, await newest(scheduleId(type, stack.config.TEMPORAL_TASK_QUEUE)));
  expect(eventCountOf(history)).toBeLessThanOrEqual(11);
});

it('counts analytics by a Schedule within 11 events and 5 actions, the start by the Schedule included', async () => {
  await stack.trigger('aggregateAnalytics');
  const id = scheduleId('aggregateAnalytics', stack.config.TEMPORAL_TASK_QUEUE);
  const history = await keep('aggregate-analytics', await newest(id));
  expect(eventCountOf(history)).toBeLessThanOrEqual(11);
  expect(1 + actionsOf(history)).toBeLessThanOrEqual(5);
});

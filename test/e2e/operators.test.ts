import type { Client, WorkflowHandle } from '@temporalio/client';
import {
  connectionWorkflowId,
  erasureWorkflowId,
  startSyncsWorkflowId,
  syncWorkflowId,
} from '../../domain/workflow-ids.ts';
import { scheduleId } from '../../temporal/schedules.ts';
import { rows, sql } from '../../db/sql.ts';
import { eventually } from '../support/eventually.ts';
import { connectionHistory, detailsHistory, detailsOf, shownOf, temporalClient } from '../support/history.ts';
import { startTestStack, type TestStack } from '../support/stack.ts';
import { wasenderAccount } from '../support/wasender-account.ts';

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

describe('A12: what the Temporal UI shows of a run', () => {
  const handleOf = (id: string) => client.workflow.getHandle(id);
  /** The connection run of an account, which stays this one when a later event starts another. */
  const runOf = async (id: string): Promise<WorkflowHandle> => {
    const workflowId = connectionWorkflowId(id);
    return client.workflow.getHandle(workflowId, (await handleOf(workflowId).describe()).runId);
  };
  /** The summaries of what an ended run did, with the results or arguments. */
  const shown = async (run: WorkflowHandle, kind: string): Promise<[summary: string, value: any][]> => {
    await run.result();
    return shownOf(await run.fetchHistory())
      .filter((one) => one.kind === kind)
      .map(({ summary, value }) => [summary, value]);
  };
  /** Search attributes and start details, as they are for operators. */
  const described = async (workflowId: string) => {
    const { searchAttributes, staticSummary, staticDetails } = await handleOf(workflowId).describe();
    return { searchAttributes, summary: await staticSummary(), details: await staticDetails() };
  };

  it('a login by QR: timers, causes, steps and the outcome, and the tenant by name', async () => {
    const api = await stack.client('Acme & Söhne');
    const { body } = await api.post('/api/v1/accounts', { provider: 'unipile', channel: 'whatsapp', owner: 'o' });
    const { id } = body.account;
    const run = await runOf(id);
    const upstream = (await api.get(`/api/v1/accounts/${id}`)).body.provider_account_id;
    expect(await detailsOf(run)).toContain('Attempt 1 waits at the step "qr".');

    await stack.control.post('/clock', { advance_seconds: 90 });
    await api.get(`/api/v1/accounts/${id}/attempt?after=${body.attempt.step.id}&wait=20`);
    expect(await detailsOf(run)).toContain('The step "qr" ended: replaced.');
    await stack.control.post('/scan', { account_id: upstream });
    await api.account(id, 'active');

    // A report of the provider that comes late has the account checked once more.
    expect(await run.result()).toMatchObject({
      operations: expect.arrayContaining([{ operation: 'connect', attempt: 1, outcome: 'succeeded', reason: null }]),
      earlier: 0,
      account: 'active',
    });
    const activities = await shown(run, 'activity');
    expect(activities[1]).toMatchObject([
      'Ask the provider to begin the login',
      { state: 'open', kind: 'qr', outcome: null, endedStep: null },
    ]);
    const checks = activities.filter(([summary]) => summary.startsWith('Check the login at the provider'));
    expect(checks[0]?.[0]).toMatch(/\(.*(api|reconciler).*\)$/);
    expect(checks[0]?.[1]).toMatchObject({ kind: 'qr', endedStep: { kind: 'qr', outcome: 'replaced' } });
    // The moved clock may have the reconciler come first.
    const [, cause = 'none'] = /\(.*(webhook|reconciler).*\)$/.exec(checks.at(-1)?.[0] ?? '') ?? [];
    expect(checks.at(-1)?.[1]).toMatchObject({
      state: 'closed',
      kind: 'done',
      outcome: 'succeeded',
      endedStep: { kind: 'qr', outcome: 'accepted' },
    });
    expect(new Set((await shown(run, 'timer')).map(([summary]) => summary))).toEqual(
      new Set(['Until the QR code lapses']),
    );
    expect((await shown(run, 'signal')).map(([, told]) => told)).toContain(cause);
    expect(await detailsOf(run)).toMatch(
      new RegExp(`Attempt 1 succeeded\\..*The account is active\\..*Causes so far: .*${cause} [1-9]`, 's'),
    );

    expect((await described(run.workflowId)).searchAttributes['PatchbayTenantName']).toEqual(['Acme & Söhne']);
    const named = client.workflow.list({
      query: `PatchbayTenantName = 'Acme & Söhne' AND PatchbayKind = 'connection'`,
    });
    await eventually('the run in the list', async () => {
      for await (const { workflowId } of named) if (workflowId === run.workflowId) return true;
      return false;
    });
  });

  it('a login with a wrong code, and one that fails: each answer, the end of the attempt and its reason', async () => {
    const credentials = { username: '2fa@shown.example', password: 'correct horse' };
    const { id } = await begin({ channel: 'linkedin', credentials });
    const run = await runOf(id);
    const answer = async (value: string): Promise<void> => {
      const { step } = (await stack.api.get(`/api/v1/accounts/${id}/attempt`)).body;
      await stack.api.post(`/api/v1/accounts/${id}/attempt/steps/${step.id}`, { answer: value });
    };
    await answer('000000');
    await answer('123456');
    await stack.api.account(id, 'active');
    const answers = (await shown(run, 'activity')).filter(([summary]) => summary === 'The owner answered the step');
    expect(answers.map(([, value]) => value)).toMatchObject([
      { kind: 'code', endedStep: { kind: 'code', outcome: 'refused' } },
      { kind: 'done', outcome: 'succeeded', endedStep: { kind: 'code', outcome: 'accepted' } },
    ]);
    expect((await shown(run, 'timer'))[0]?.[0]).toBe('Until the step "code" expires');

    const late = await begin({ channel: 'whatsapp' });
    const lateRun = await runOf(late.id);
    await stack.control.post('/clock', { advance_seconds: 11 * 60 });
    await stack.api.step(late.id, 'failed');
    const ended = { attempt: 1, outcome: 'failed', reason: 'deadline_passed' };
    expect(await lateRun.result()).toMatchObject({
      operations: [{ operation: 'connect', ...ended }],
      account: 'failed',
    });
    expect(await shown(lateRun, 'activity')).toContainEqual([
      'End the attempt: deadline_passed',
      expect.objectContaining({ kind: 'failed', ...ended }),
    ]);
  });

  it('a check of an account at rest: its cause', async () => {
    const credentials = { username: 'plain@rest.example', password: 'correct horse' };
    const { id, upstream } = await begin({ channel: 'linkedin', credentials });
    await stack.api.account(id, 'active');
    await connectionHistory(client, id);
    await stack.control.post('/drop', { account_id: upstream, status: 'CREDENTIALS' });
    await stack.api.account(id, 'reconnect_required');
    const run = await runOf(id);
    expect((await shown(run, 'activity')).map(([summary]) => summary)).toContain(
      'Check the account at the provider (webhook)',
    );
    expect(await described(connectionWorkflowId(id))).toMatchObject({
      summary: 'connection of a linkedin account through unipile',
      details: 'Started by: webhook',
    });
    const { operations, account } = await run.result();
    expect(operations[0]).toMatchObject({ operation: 'check', outcome: 'succeeded', reason: null });
    expect(account).toBe('reconnect_required');
  });

  it('syncs: their counts, their state, and what started them', async () => {
    const { id } = await wasenderAccount(stack, stack.api, { size: 30, seed: 'shown' });
    const contacts = handleOf(syncWorkflowId('contacts', id));
    await contacts.result();
    await stack.api.post(`/api/v1/accounts/${id}/syncs?wait=20`, { kind: 'contacts' });
    const counts = { total_fetched: 30, inserted: 0, unchanged: 30 };
    expect(await contacts.result()).toMatchObject({ state: 'succeeded', reason: null, counts });
    expect(await detailsOf(contacts)).toMatch(/State: succeeded\..*total_fetched 30.*unchanged 30/s);
    expect(await described(syncWorkflowId('contacts', id))).toMatchObject({ details: 'Started by: api' });
    const refused = await stack.api.post(`/api/v1/accounts/${id}/syncs?wait=20`, {
      kind: 'contacts',
      scope: { phone: '+33639980000' },
    });
    expect(refused.body).toMatchObject({ state: 'failed', reason: 'not_found' });
    for await (const run of client.workflow.list({
      query: `PatchbayAccount = '${id}' AND PatchbayKind = 'sync_contacts'`,
    }))
      if (run.workflowId !== syncWorkflowId('contacts', id))
        expect(await handleOf(run.workflowId).result()).toMatchObject({ state: 'failed', reason: 'not_found' });

    const credentials = { username: 'plain@syncs.example', password: 'correct horse' };
    const linkedin = await begin({ channel: 'linkedin', credentials });
    await stack.api.account(linkedin.id, 'active');
    await stack.api.post(`/api/v1/accounts/${linkedin.id}/syncs?wait=20`, { kind: 'details' });
    await detailsHistory(client, linkedin.id);
    expect(await handleOf(syncWorkflowId('details', linkedin.id)).result()).toMatchObject({
      state: 'succeeded',
      counts: { points_changed: expect.any(Number) },
    });
  });

  it('syncs of many accounts, an erasure and a sweep: how many', async () => {
    const tenant = 'many '.padEnd(300, 'x');
    const api = await stack.client(tenant);
    for (let n = 0; n < 6; n += 1) {
      const credentials = { username: `plain@many${n}.example`, password: 'correct horse' };
      const { body } = await api.post('/api/v1/accounts', {
        provider: 'unipile',
        channel: 'linkedin',
        owner: 'o',
        credentials,
      });
      await api.account(body.account.id, 'active');
    }
    const { body: run } = await api.post('/api/v1/syncs?wait=20', { kind: 'details' });
    expect(run).toBeDefined();
    const [row] = await stack.worker.context.db.system((em) =>
      rows<{ id: string }>(em, sql`select id from tenants where name = ${tenant}`),
    );
    const starts = startSyncsWorkflowId('details', row?.id ?? '');
    expect(await handleOf(starts).result()).toEqual({ started: 6, refused: 0 });
    // Temporal's database takes no longer keyword.
    expect((await described(starts)).searchAttributes['PatchbayTenantName']).toEqual([tenant.slice(0, 255)]);

    const { body: erasure } = await stack.api.post('/api/v1/erasures?wait=20', { phone: '+33639987771' });
    expect(erasure.state).toBe('done');
    const erasing = handleOf(erasureWorkflowId(erasure.id));
    expect(await erasing.result()).toEqual(expect.objectContaining({}));
    expect(await detailsOf(erasing)).toMatch(/^Pass 1 is done\. Taken away so far: /);
    expect(JSON.stringify(shownOf(await erasing.fetchHistory()))).not.toContain('39987771');

    await stack.trigger('syncAllContacts');
    const sweep = scheduleId('syncAllContacts', stack.config.TEMPORAL_TASK_QUEUE);
    const ended = await eventually('a sweep', async () => {
      for await (const { workflowId, runId, status } of client.workflow.list({
        query: `WorkflowId STARTS_WITH '${sweep}'`,
      }))
        if (status.name === 'COMPLETED') return client.workflow.getHandle(workflowId, runId).result();
      return null;
    });
    expect(ended).toEqual({ accounts: expect.any(Number), failed: 0 });
  });
});

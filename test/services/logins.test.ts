import { ProviderFailure } from '../../domain/failures.ts';
import { connectionWorkflowId } from '../../domain/workflow-ids.ts';
import type { AttemptRef } from '../../domain/attempts.ts';
import { Account } from '../../db/entities/accounts.ts';
import { newId } from '../../platform/ids.ts';
import type { Provider, Providers } from '../../providers/provider.ts';
import { actOnStep } from '../../services/connections/login/act-on-step.ts';
import { checkLogin } from '../../services/connections/login/checks.ts';
import { closeAttempt } from '../../services/connections/login/close-attempt.ts';
import { nextOperation } from '../../services/connections/login/next-operation.ts';
import type { Context } from '../../services/context.ts';
import { temporalClient } from '../support/history.ts';
import { startTestStack, type TestStack } from '../support/stack.ts';

let stack: TestStack;
let context: Context;
beforeAll(async () => {
  stack = await startTestStack({ RECONCILE_INTERVAL_SECONDS: '3600' });
  ({ context } = stack.worker);
});
afterAll(() => stack?.stop());

interface Begun {
  ref: AttemptRef;
  id: string;
  upstream: string;
  stepId: string;
}

async function begin(body: object): Promise<Begun> {
  const { body: answer } = await stack.api.post('/api/v1/accounts', { provider: 'unipile', owner: 'maya', ...body });
  const { id } = answer.account;
  const account = await context.db.system((em) => em.findOneOrFail(Account, { id }));
  return {
    ref: { tenantId: account.tenantId, accountId: id, attempt: 1, now: context.clock.now().getTime() },
    id,
    upstream: account.providerAccountId ?? '',
    stepId: answer.attempt.step.id,
  };
}
const codeLogin = (name: string) => ({
  channel: 'linkedin',
  credentials: { username: `2fa@${name}.example`, password: 'correct horse' },
});
const withLogin = (login: Partial<Provider['login']>): Context => {
  const unipile = context.providers['unipile']!;
  return {
    ...context,
    providers: { ...context.providers, unipile: { ...unipile, login: { ...unipile.login, ...login } } } as Providers,
  };
};
const attemptOf = async (id: string): Promise<any> => (await stack.api.get(`/api/v1/accounts/${id}/attempt`)).body;

describe.each([
  ['resend', 'resend', 'resend_unclear'],
  ['another_way', 'anotherWay', 'another_way_unclear'],
] as const)('a request at a step: %s', (action, verb, unclear) => {
  /** How often the provider is asked when the first answer is this failure and the activity is retried. */
  async function asked(failure: ProviderFailure): Promise<{ times: number; id: string }> {
    const { ref, id, stepId } = await begin(codeLogin(`${verb}-${failure.effect}`.toLowerCase()));
    let times = 0;
    const own = withLogin({
      [verb]: () => {
        times += 1;
        return times === 1 ? Promise.reject(failure) : Promise.resolve(null);
      },
    });
    const request = { ...ref, stepId, action, answerId: newId() };
    await expect(actOnStep(own, request)).rejects.toBe(failure);
    await actOnStep(own, request);
    return { times, id };
  }

  it('is not repeated when it may have arrived', async () => {
    const { times, id } = await asked(new ProviderFailure('provider_unavailable', 'Lost.', { effect: 'unknown' }));
    expect(times).toBe(1);
    await stack.timeline(id, unclear);
    expect((await attemptOf(id)).state).toBe('running');
  });

  it('is repeated when it surely did not arrive', async () => {
    const { times } = await asked(new ProviderFailure('provider_unavailable', 'Down.', { effect: 'none' }));
    expect(times).toBe(2);
  });
});

it('a login is complete although no signal after its commit is taken', async () => {
  const { ref, id, upstream } = await begin({ channel: 'whatsapp' });
  await stack.control.put('/faults', { provider: 'unipile', webhook_drop: 1 });
  await stack.control.post('/scan', { account_id: upstream, phone: '+33639983001' });
  const second = await begin({ channel: 'whatsapp' });
  await stack.control.post('/scan', { account_id: second.upstream, phone: '+33639983001' });
  const refuse = () => Promise.reject(new Error('Temporal takes no signal'));
  const mute = { ...context, temporal: { ...context.temporal, signalConnection: refuse, startSyncContacts: refuse } };
  expect(await checkLogin(mute, ref)).toMatchObject({ state: 'closed', accountState: 'active' });
  // Merged: the survivor is signalled after the commit.
  expect(await checkLogin(mute, second.ref)).toMatchObject({ state: 'closed' });
  await stack.control.put('/faults', { provider: 'unipile' });
  expect((await stack.api.get(`/api/v1/accounts/${second.id}`)).body.merged_into).toBe(id);
});

it('an attempt is closed although its provider is not configured any more', async () => {
  const { ref, id } = await begin({ channel: 'whatsapp' });
  const without = { ...context, providers: {} as Providers };
  expect(await closeAttempt(without, { ...ref, reason: 'deadline_passed' })).toMatchObject({ state: 'closed' });
  expect(await attemptOf(id)).toMatchObject({ state: 'failed', reason: 'deadline_passed' });
});

describe('an account that is gone after a restore', () => {
  const gone = (tenantId: string): AttemptRef => ({
    tenantId,
    accountId: newId(),
    attempt: 1,
    now: context.clock.now().getTime(),
  });

  it('ends its run at once', async () => {
    const ref = gone(newId());
    await context.temporal.signalConnection({ ...ref, channel: 'whatsapp', provider: 'unipile' }, 'webhook', 10_000);
    const client = await temporalClient();
    const handle = client.workflow.getHandle(connectionWorkflowId(ref.accountId));
    await handle.result();
    const { events } = await handle.fetchHistory();
    await client.connection.close();
    expect(events?.filter((event) => event.activityTaskScheduledEventAttributes)).toHaveLength(1);
    expect(await nextOperation(context, ref, null)).toEqual({ kind: 'removed', attempt: 0 });
  });

  it('fails work that is under way for good', async () => {
    const removed = { code: 'account_removed' };
    await expect(checkLogin(context, gone(newId()))).rejects.toMatchObject(removed);
    await expect(closeAttempt(context, { ...gone(newId()), reason: 'unexpected' })).rejects.toMatchObject(removed);
  });

  it('is no error of an answer whose run ends before it takes the answer', async () => {
    const ref = gone(newId());
    const account = { ...ref, channel: 'whatsapp', provider: 'unipile' };
    const action = { stepId: newId(), action: 'answer', answerId: newId() } as const;
    const outcome = await context.temporal.submitStep(account, action);
    expect(outcome === null || 'refused' in outcome).toBe(true);
  });
});

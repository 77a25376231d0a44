import { rows, sql } from '../../db/sql.ts';
import { eventually } from '../support/eventually.ts';
import { startTestStack, type TestStack } from '../support/stack.ts';

let stack: TestStack;
beforeAll(async () => {
  stack = await startTestStack();
});
afterAll(() => stack?.stop());

const whatsapp = { provider: 'unipile', channel: 'whatsapp', owner: 'maya' };
const begin = async (more: object = {}): Promise<{ id: string; upstream: string }> => {
  const { body } = await stack.api.post('/api/v1/accounts', { ...whatsapp, ...more });
  const { id } = body.account;
  return { id, upstream: (await read(id)).provider_account_id };
};
const read = async (id: string): Promise<any> => (await stack.api.get(`/api/v1/accounts/${id}`)).body;
const scan = (upstream: string, phone: string): Promise<unknown> =>
  stack.control.post('/scan', { account_id: upstream, phone });
const attemptOf = async (id: string): Promise<any> => (await stack.api.get(`/api/v1/accounts/${id}/attempt`)).body;

/** An account whose login was lost, and whose reconnection waits at a QR code. */
async function reconnecting(phone: string): Promise<{ id: string; upstream: string }> {
  const first = await begin();
  await scan(first.upstream, phone);
  await stack.api.account(first.id, 'active');
  await stack.control.post('/drop', { account_id: first.upstream, status: 'CREDENTIALS' });
  await stack.api.account(first.id, 'reconnect_required');
  await stack.api.post(`/api/v1/accounts/${first.id}/reconnect`);
  await stack.api.step(first.id, 'qr');
  return first;
}

describe('a login that is merged into an earlier account', () => {
  it('ends the open reconnection of that account, which neither asks the provider again nor fails the account', async () => {
    const first = await reconnecting('+33639981001');
    const second = await begin();
    await scan(second.upstream, '+33639981001');
    await stack.api.account(first.id, 'active');
    expect(await read(first.id)).toMatchObject({ provider_account_id: second.upstream });
    expect(await attemptOf(first.id)).toMatchObject({ state: 'cancelled', reason: 'superseded' });

    const renewals = () => stack.control.count('POST', '/api/v1/accounts/:id');
    const before = await renewals();
    // Past the QR code's end, then past the deadline.
    for (const seconds of [90, 11 * 60]) {
      await stack.control.post('/clock', { advance_seconds: seconds });
      await stack.api.get(`/api/v1/accounts/${first.id}/attempt?after=none&wait=2`);
    }
    await eventually('the older login to be deleted', async () => {
      const { status } = await stack.provider('GET', `/accounts/${first.upstream}`);
      return status === 404;
    });
    expect(await renewals()).toBe(before);
    expect(await read(first.id)).toMatchObject({ state: 'active', provider_account_id: second.upstream });
    const open = await stack.worker.context.db.system((em) =>
      rows(
        em,
        sql`select from connection_attempts where account_id = any(${[first.id, second.id]}::uuid[]) and state = 'running'`,
      ),
    );
    expect(open).toEqual([]);
  });

  it('ends the disconnection of that account that was requested before: it is of the older login, its purge is done', async () => {
    const first = await begin();
    await scan(first.upstream, '+33639981002');
    await stack.api.account(first.id, 'active');
    await stack.api.patch(`/api/v1/accounts/${first.id}`, { label: 'to be purged' });
    await stack.control.put('/faults', { provider: 'unipile', route: 'DELETE /api/v1/accounts/:id', rate_500: 1 });
    await stack.api.delete(`/api/v1/accounts/${first.id}?purge=true`);
    const second = await begin();
    await scan(second.upstream, '+33639981002');
    await stack.api.account(second.id, 'disconnected');
    await stack.control.put('/faults', { provider: 'unipile' });
    expect(await attemptOf(first.id)).toMatchObject({ operation: 'disconnect', state: 'cancelled' });
    expect(await read(first.id)).toMatchObject({ label: null, provider_account_id: second.upstream });
    await stack.control.post('/clock', { advance_seconds: 120 });
    await eventually('the older login to be deleted', async () => {
      const { status } = await stack.provider('GET', `/accounts/${first.upstream}`);
      return status === 404;
    });
    expect((await stack.provider('GET', `/accounts/${second.upstream}`)).status).toBe(200);
  });
});

describe('A12: an identity that is connected already', () => {
  it('answers the account that has the login now, and why', async () => {
    const first = await begin();
    await scan(first.upstream, '+33639981010');
    await stack.api.account(first.id, 'active');
    const second = await begin();
    await scan(second.upstream, '+33639981010');
    const attempt = await stack.api.step(second.id, 'done');
    expect(attempt).toMatchObject({ state: 'succeeded', reason: 'same_identity', merged_into: first.id });
    expect(attempt.step.instructions).toContain('merged_into');
    expect(await read(second.id)).toMatchObject({
      state: 'disconnected',
      reason: 'same_identity',
      who: 'nobody',
      what_to_do: expect.stringContaining('merged_into'),
      merged_into: first.id,
    });
    expect(await attemptOf(first.id)).toMatchObject({ reason: null, merged_into: null });
  });

  it('of another owner is refused by name, and its account keeps its login', async () => {
    const first = await begin();
    await scan(first.upstream, '+33639981011');
    await stack.api.account(first.id, 'active');
    const second = await begin({ owner: 'noor' });
    await scan(second.upstream, '+33639981011');
    expect(await stack.api.step(second.id, 'failed')).toMatchObject({
      state: 'failed',
      step: { reason: 'another_owner', who: 'operator' },
    });
    expect(await read(second.id)).toMatchObject({ state: 'failed', reason: 'another_owner', merged_into: null });
    expect((await stack.timeline(second.id, 'another_owner')).data).toEqual({ account_id: first.id });
    expect(await read(first.id)).toMatchObject({ state: 'active', provider_account_id: first.upstream, owner: 'maya' });
    await eventually('the second login to be deleted', async () => {
      const { status } = await stack.provider('GET', `/accounts/${second.upstream}`);
      return status === 404;
    });
    expect((await stack.provider('GET', `/accounts/${first.upstream}`)).status).toBe(200);
  });

  it('of another owner is merged where that was asked for', async () => {
    const first = await begin();
    await scan(first.upstream, '+33639981012');
    await stack.api.account(first.id, 'active');
    const second = await begin({ owner: 'noor', merge_across_owners: true });
    await scan(second.upstream, '+33639981012');
    expect(await stack.api.step(second.id, 'done')).toMatchObject({ merged_into: first.id });
    expect(await read(first.id)).toMatchObject({ owner: 'maya', provider_account_id: second.upstream });
  });
});

describe('A5: a reconnect', () => {
  const reconnect = (id: string, body: object = {}) => stack.api.post(`/api/v1/accounts/${id}/reconnect`, body);

  it('joins a login that runs: the QR code that is being scanned stays', async () => {
    const { id } = await reconnecting('+33639981020');
    const before = await attemptOf(id);
    const [one, two] = await Promise.all([reconnect(id), reconnect(id)]);
    for (const { status, body } of [one, two]) {
      expect(status).toBe(202);
      expect(body.attempt).toMatchObject({ id: before.id, number: before.number, step: { id: before.step.id } });
    }
    expect(await attemptOf(id)).toMatchObject({ id: before.id, step: { text: before.step.text } });
  });

  it('replaces a login that runs where the request brings another input, or is forced', async () => {
    const { id } = await reconnecting('+33639981021');
    const before = await attemptOf(id);
    const redirected = await reconnect(id, { redirects: { success: 'https://app.example/ok' } });
    expect(redirected.body.attempt.number).toBe(before.number + 1);
    expect((await reconnect(id, { force: true })).body.attempt.number).toBe(before.number + 2);
  });

  it('of an account that works is refused, and done where it is forced', async () => {
    const { id, upstream } = await begin();
    await scan(upstream, '+33639981022');
    await stack.api.account(id, 'active');
    expect(await reconnect(id)).toMatchObject({ status: 409, body: { code: 'account_connected' } });
    expect(await read(id)).toMatchObject({ state: 'active' });
    expect((await attemptOf(id)).operation).toBe('connect');
    expect((await reconnect(id, { force: true })).status).toBe(202);
    await stack.api.account(id, 'active');
    expect((await attemptOf(id)).operation).toBe('reconnect');
  });
});

import { eventually } from '../support/eventually.ts';
import { startTestStack, type TestStack } from '../support/stack.ts';

let stack: TestStack;
beforeAll(async () => {
  stack = await startTestStack();
});
afterAll(() => stack?.stop());

const restarts = (): Promise<number> => stack.control.count('POST', '/api/v1/accounts/:id/restart');

it('M6: restarts without the owner keep their budget, say when it is spent, and leave the owner’s own login alone', async () => {
  const { body } = await stack.api.post('/api/v1/accounts', {
    provider: 'unipile',
    channel: 'linkedin',
    owner: 'maya',
    credentials: { username: 'plain@restarts.example', password: 'correct horse' },
  });
  const { id } = body.account;
  const { provider_account_id: upstream } = await stack.api.account(id, 'active');
  const guard = async (): Promise<any> => (await stack.api.get(`/api/v1/accounts/${id}`)).body.guard;
  const { per_hour: most } = (await guard()).restarts;
  for (let n = 1; n <= most; n += 1) {
    const before = await restarts();
    await stack.control.post('/drop', { account_id: upstream, status: 'ERROR' });
    await eventually(`restart ${n}`, async () => (await restarts()) > before);
    await eventually('the account to work', async () => {
      const { state } = (await stack.api.get(`/api/v1/accounts/${id}`)).body;
      return state === 'active' && (await guard()).restarts.used.hour === n;
    });
  }
  const spent = await stack.timeline(id, 'restarts_spent');
  expect(Date.parse(spent.data.until)).toBeGreaterThan(Date.now());
  const before = await restarts();
  await stack.control.post('/drop', { account_id: upstream, status: 'ERROR' });
  expect(await stack.api.account(id, 'degraded')).toMatchObject({ state: 'degraded' });
  expect(await restarts()).toBe(before);
  expect((await guard()).restarts).toMatchObject({ used: { hour: most }, next_at: spent.data.until });
  const { status } = await stack.api.post(`/api/v1/accounts/${id}/reconnect`);
  expect(status).toBe(202);
});

import { startRealStack, type RealStack } from '../support/real-stack.ts';
import { startTestStack, type TestStack } from '../support/stack.ts';

const login = (name: string) => ({
  provider: 'unipile',
  channel: 'linkedin',
  owner: 'maya',
  credentials: { username: `2fa@${name}.example`, password: 'correct horse' },
});

describe('two installations on one machine', () => {
  let both: RealStack[] = [];
  beforeAll(async () => {
    // At the same moment, with the same defaults.
    both = await Promise.all([startRealStack(), startRealStack()]);
  }, 300_000);
  afterAll(() => Promise.all(both.map((one) => one.stop())), 60_000);

  it('use ports of their own, work at the same time, and share nothing', async () => {
    const [one, two] = both.map((real) => real.stack.describe());
    const ports = [one, two].flatMap((stack) => [stack?.api_url, stack?.temporal_address, stack?.sandbox?.unipile_url]);
    expect(new Set(ports).size).toBe(6);
    const ids = await Promise.all(
      both.map(async ({ api }, n) => {
        const { body } = await api.post('/api/v1/accounts', login(`side${n}`));
        const step = body.attempt.step;
        await api.post(`/api/v1/accounts/${body.account.id}/attempt/steps/${step.id}`, { answer: '123456' });
        return (await api.account(body.account.id, 'active')).id as string;
      }),
    );
    for (const [n, { api, control }] of both.entries()) {
      const { items } = (await api.get('/api/v1/accounts')).body;
      expect(items.map((account: any) => account.id)).toEqual([ids[n]]);
      expect((await api.get(`/api/v1/accounts/${ids[1 - n]}`)).status).toBe(404);
      expect(await control.count('POST', '/api/v1/accounts')).toBe(1);
      expect(await control.count('POST', '/api/v1/accounts/checkpoint')).toBe(1);
      // Another stack's key is refused.
      const other = await fetch(`${api.url}/api/v1/accounts`, {
        headers: { authorization: `Bearer ${both[1 - n]?.api.key}` },
      });
      expect(other.status).toBe(401);
    }
  });
});

describe('two workers of one installation', () => {
  let stack: TestStack;
  let second: Awaited<ReturnType<TestStack['startWorker']>>;
  beforeAll(async () => {
    stack = await startTestStack();
    second = await stack.startWorker();
  });
  afterAll(async () => {
    await second?.stop();
    await stack?.stop();
  });

  it('share the work, and do none of it twice', async () => {
    const count = 12;
    const begun = await Promise.all(
      Array.from({ length: count }, (_, n) => stack.api.post('/api/v1/accounts', login(`shared${n}`))),
    );
    await Promise.all(
      begun.map(({ body: { account, attempt } }) =>
        stack.api.post(`/api/v1/accounts/${account.id}/attempt/steps/${attempt.step.id}`, { answer: '123456' }),
      ),
    );
    for (const { body } of begun) await stack.api.account(body.account.id, 'active');
    expect(await stack.control.count('POST', '/api/v1/accounts')).toBe(count);
    expect(await stack.control.count('POST', '/api/v1/accounts/checkpoint')).toBe(count);
    expect((await stack.provider('GET', '/accounts?limit=100')).body.items).toHaveLength(count);
    // One registration of each kind, though both workers found none at first.
    expect((await stack.provider('GET', '/webhooks')).body.items).toHaveLength(2);
    const done = await Promise.all(
      [stack.worker, second].map(async ({ context }) =>
        (await context.metrics.attempts.get()).values.map(({ value }) => value),
      ),
    );
    const sums = done.map((values) => values.reduce((sum, value) => sum + value, 0));
    expect(sums.reduce((a, b) => a + b, 0)).toBe(count);
  });
});

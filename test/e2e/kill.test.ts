import { eventually } from '../support/eventually.ts';
import { startRealStack, type RealStack } from '../support/real-stack.ts';

let real: RealStack;
let api: RealStack['api'];
let control: RealStack['control'];
beforeAll(async () => {
  real = await startRealStack();
  ({ api, control } = real);
}, 300_000);
afterAll(() => real?.stop(), 60_000);

const begin = async (body: object): Promise<any> => {
  const answer = await api.post('/api/v1/accounts', { provider: 'unipile', owner: 'kim', ...body });
  expect(answer.status).toBe(202);
  return answer.body;
};
const upstream = async (id: string): Promise<string> =>
  (await api.get(`/api/v1/accounts/${id}`)).body.provider_account_id;

it('goes on after the worker was killed while a QR code waited', async () => {
  const { account } = await begin({ channel: 'whatsapp' });
  const id = await upstream(account.id);
  await real.kill('worker');
  await control.post('/scan', { account_id: id });
  await api.account(account.id, 'active');
});

it('posts a code once although the API was killed between its submission and its answer', async () => {
  const credentials = { username: '2fa@kill.example', password: 'correct horse' };
  const { account, attempt } = await begin({ channel: 'linkedin', credentials });
  const before = await control.count('POST', '/api/v1/accounts/checkpoint');
  const submit = () =>
    api.post(
      `/api/v1/accounts/${account.id}/attempt/steps/${attempt.step.id}`,
      { answer: '123456' },
      { 'idempotency-key': 'kill-api' },
    );
  const first = submit().catch(() => null);
  await new Promise((resolve) => setImmediate(resolve));
  await real.kill('api');
  await first;
  await real.ready();
  await eventually('the answer', async () => ((await submit()).status < 300 ? true : null));
  await api.account(account.id, 'active');
  expect((await control.count('POST', '/api/v1/accounts/checkpoint')) - before).toBe(1);
});

it.each(['temporal', 'postgres'] as const)('finishes an onboarding during which %s was killed', async (part) => {
  const credentials = { username: `2fa@${part}.example`, password: 'correct horse' };
  const { account, attempt } = await begin({ channel: 'linkedin', credentials });
  await real.kill(part);
  await real.ready();
  await eventually('the code to be taken', async () => {
    const answer = await api.post(`/api/v1/accounts/${account.id}/attempt/steps/${attempt.step.id}`, {
      answer: '123456',
    });
    return answer.status < 300 || answer.body.code === 'stale_step';
  });
  await api.account(account.id, 'active');
});

it('asked the provider once for each login', async () => {
  expect(await control.count('POST', '/api/v1/accounts')).toBe(4);
});

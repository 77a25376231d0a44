import { execFile } from 'node:child_process';
import { readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { PROJECT } from '../../dev/parts/home.ts';
import { startRealStack, type RealStack } from '../support/real-stack.ts';

let real: RealStack;
beforeAll(async () => {
  // Without the reconciler, which would repair some of it by itself.
  real = await startRealStack({ RECONCILE_INTERVAL_SECONDS: '3600' });
}, 300_000);
afterAll(() => real?.stop(), 60_000);

/** Deletes Temporal's database. */
async function dropTemporal(): Promise<void> {
  for (const file of readdirSync(real.home).filter((name) => name.startsWith('temporal.db')))
    rmSync(join(real.home, file));
  await real.kill('temporal');
  await real.ready();
}

const rebuild = async (): Promise<any> => {
  const { stdout } = await promisify(execFile)(process.execPath, [join(PROJECT, 'cli/main.ts'), 'rebuild', '--json'], {
    env: real.env as NodeJS.ProcessEnv,
  });
  return JSON.parse(stdout);
};

const begin = async (body: object): Promise<any> => {
  const answer = await real.api.post('/api/v1/accounts', { provider: 'unipile', owner: 'kim', ...body });
  expect(answer.status).toBe(202);
  return answer.body;
};
const upstream = async (id: string): Promise<string> =>
  (await real.api.get(`/api/v1/accounts/${id}`)).body.provider_account_id;

it('finishes ten open logins after the loss of the database of Temporal', async () => {
  const qrs = [];
  const codes = [];
  for (let n = 0; n < 5; n += 1) {
    qrs.push(await begin({ channel: 'whatsapp' }));
    const credentials = { username: `2fa@rebuild${n}.example`, password: 'correct horse' };
    codes.push(await begin({ channel: 'linkedin', credentials }));
  }
  await dropTemporal();

  // An owner's answer and a provider's webhook restart a lost run …
  const [code, ...otherCodes] = codes;
  const [qr, ...otherQrs] = qrs;
  const answer = ({ account, attempt }: any): Promise<{ status: number }> =>
    real.api.post(`/api/v1/accounts/${account.id}/attempt/steps/${attempt.step.id}`, { answer: '123456' });
  const scan = async ({ account }: any): Promise<void> =>
    void (await real.control.post('/scan', { account_id: await upstream(account.id) }));
  expect((await answer(code)).status).toBeLessThan(300);
  await scan(qr);
  for (const { account } of [code, qr]) await real.api.account(account.id, 'active');

  // … and the command restarts all others.
  expect(await rebuild()).toEqual({ connections: 8, syncs: 0, bulk: 0, queues: 0 });
  for (const one of otherCodes) expect((await answer(one)).status).toBeLessThan(300);
  for (const one of otherQrs) await scan(one);
  for (const { account } of [...otherCodes, ...otherQrs]) await real.api.account(account.id, 'active');

  expect(await real.control.count('POST', '/api/v1/accounts')).toBe(10);
  expect(await real.control.count('POST', '/api/v1/accounts/checkpoint')).toBe(5);
  expect(await rebuild()).toEqual({ connections: 0, syncs: 0, bulk: 0, queues: 0 });
});

import { eventually } from '../support/eventually.ts';
import { startTestStack, type TestStack } from '../support/stack.ts';
import { linkedin } from '../support/unipile-account.ts';
import { answerHere, patchbayHere } from './in-process.ts';
import { commandEnv } from './run.ts';

let stack: TestStack;
let env: Record<string, string>;
let account: string;
const tenant = 'bulk-and-co';
const of = ['--tenant', tenant];
const bulk = (...args: string[]): Promise<any> => answerHere(env, 'bulk', ...args, ...of);

beforeAll(async () => {
  stack = await startTestStack();
  env = commandEnv(stack);
  const client = await stack.client(tenant);
  const { body } = await client.post('/api/v1/accounts', linkedin('plain', 'command'));
  account = body.account.id;
  await client.account(account, 'active');
});
afterAll(() => stack?.stop());

const until = (id: string, state: string): Promise<any> =>
  eventually(`the operation to be ${state}`, async () => {
    const found = await bulk('show', id);
    return found.state === state ? found : null;
  });

describe('A14: patchbay bulk', () => {
  it('shows what an operation would do, starts it, shows and lists it', async () => {
    expect(await bulk('start', 'label', '--label', 'Sales', '--owner', 'maya', '--dry-run')).toEqual({
      matching: 1,
      asked: 1,
      skipped: [],
      examples: [account],
    });
    const { id } = await bulk('start', 'label', '--label', 'Sales', '--owner', 'maya');
    expect(await until(id, 'done')).toMatchObject({ operation: 'label', counts: { total: 1, done: 1 } });
    expect(await bulk('list')).toMatchObject([{ id, state: 'done' }]);
    const shown = await patchbayHere(env, 'bulk', 'show', id, ...of);
    expect([shown.code, shown.stdout]).toEqual([0, expect.stringContaining('100 %')]);
    const again = await patchbayHere(env, 'bulk', 'start', 'label', '--label', 'Sales', '--all', '--dry-run', ...of);
    expect(again.stdout).toContain('1 not: Nothing would change.');
  });

  it('pauses, resumes, cancels and retries', async () => {
    await stack.worker.stop();
    const { id } = await bulk('start', 'label', '--remove-label', '--all');
    expect(await bulk('pause', id)).toMatchObject({ state: 'paused' });
    expect(await bulk('resume', id)).toMatchObject({ state: 'preparing' });
    expect(await bulk('cancel', id)).toMatchObject({ state: 'cancelled' });
    expect(await bulk('resume', id)).toMatchObject({ state: 'preparing', ended_at: null });
    stack.worker = await stack.startWorker();
    await until(id, 'done');
    const retried = await patchbayHere(env, 'bulk', 'retry', id, ...of);
    expect([retried.code, retried.stderr]).toEqual([1, expect.stringContaining('No account has failed')]);
  });

  it.each([
    ['bulk', 'start', 'label', '--all'],
    ['bulk', 'start', 'reconnect'],
    ['bulk', 'start', 'reconnect', '--all', '--label', 'x'],
    ['bulk', 'start', 'disconnect', '--all', '--with-owner'],
    ['bulk', 'start', 'explode', '--all'],
    ['bulk', 'start', 'reconnect', '--all', '--per-minute', 'many'],
    ['bulk', 'start', 'reconnect', '--state', 'gone'],
  ])('%s %s %s is wrong usage with %s %s %s', async (...args) => {
    expect((await patchbayHere(env, ...args, ...of)).code).toBe(2);
  });

  it('fails for an operation that is not there', async () => {
    const { code, stderr } = await patchbayHere(env, 'bulk', 'show', '01900000-0000-7000-8000-000000000000', ...of);
    expect([code, stderr]).toEqual([1, expect.stringContaining('There is no such bulk operation')]);
  });
});

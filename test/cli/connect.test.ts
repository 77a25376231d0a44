import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { PROJECT } from '../../dev/parts/home.ts';
import { processEnv } from '../support/process-env.ts';
import { startTestStack, type TestStack } from '../support/stack.ts';
import { answerHere, patchbayHere } from './in-process.ts';
import { commandEnv, patchbay } from './run.ts';

const tenant = 'maya-and-co';
let stack: TestStack;
let env: Record<string, string>;
beforeAll(async () => {
  stack = await startTestStack();
  env = commandEnv(stack);
  await stack.client(tenant);
});
afterAll(() => stack?.stop());

interface Talk {
  /** Resolves with what was printed since the last call, once `pattern` is in it. */
  until(pattern: RegExp): Promise<string>;
  type(line: string): void;
  ended: Promise<number | null>;
}

/** A command that a person talks to. */
function talk(...args: string[]): Talk {
  const child = spawn(process.execPath, [join(PROJECT, 'cli/main.ts'), ...args], {
    env: { ...processEnv, ...env },
  });
  let printed = '';
  let changed = (): void => {};
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (part: Buffer) => {
      printed += part.toString();
      changed();
    });
  const ended = new Promise<number | null>((resolve) => void child.once('close', resolve));
  return {
    ended,
    type: (line) => void child.stdin.write(`${line}\n`),
    until: (pattern) =>
      new Promise((resolve, reject) => {
        changed = () => {
          if (!pattern.test(printed)) return;
          changed = () => {};
          resolve(printed);
          printed = '';
        };
        changed();
        void ended.then((code) => reject(new Error(`it ended with ${code}: ${printed}`)));
      }),
  };
}

it('connects WhatsApp: draws the code in half blocks, and ends when it was scanned', async () => {
  const connecting = talk('connect', 'whatsapp', '--owner', 'maya', '--tenant', tenant);
  const drawn = await connecting.until(/(█.*\n){15}/);
  expect(drawn).toContain('scan the code');
  expect(Math.max(...drawn.split('\n').map((line) => line.length))).toBeLessThan(120);
  const [account] = await answerHere(env, 'accounts', '--tenant', tenant, '--owner', 'maya');
  const { provider_account_id: id } = await answerHere(env, 'accounts', 'show', account.id, '--tenant', tenant);
  await stack.control.post('/scan', { account_id: id });
  expect(await connecting.until(/is active\.\n/)).toContain(account.id);
  expect(await connecting.ended).toBe(0);
  const { stdout } = await patchbay(env, 'accounts', '--tenant', tenant);
  expect(stdout).toMatch(/^id .* identity .*\n.*\+\d+ /);
});

it('asks for a password and a code, again after a wrong one', async () => {
  const connecting = talk(
    ...'connect linkedin --owner ada --credential username=2fa@cli.example --credential password --tenant'.split(' '),
    tenant,
  );
  await connecting.until(/password: /);
  connecting.type('correct horse');
  await connecting.until(/Enter the code that was sent to you by SMS\.\n(.*\n)*> /);
  connecting.type('000000');
  await connecting.until(/That code was not accepted\..*\n(.*\n)*> /);
  connecting.type('123456');
  await connecting.until(/is active\.\n/);
  expect(await connecting.ended).toBe(0);
});

it('disconnects an account, and shows a failed login with exit code 1', async () => {
  const [account] = await answerHere(env, 'accounts', '--tenant', tenant, '--owner', 'ada');
  expect(await patchbay(env, 'disconnect', account.id, '--tenant', tenant)).toMatchObject({
    code: 0,
    stdout: expect.stringContaining(`Account ${account.id} is disconnected.`),
  });
  const { code, stdout } = await patchbay(
    env,
    ...'connect linkedin --owner bo --json --credential username=wrong-password@cli.example'.split(' '),
    '--credential',
    'password=x',
    '--tenant',
    tenant,
  );
  expect(code).toBe(1);
  const { id, reason } = JSON.parse(stdout.trim().split('\n').at(-1) ?? '');
  expect(reason).toBe('wrong_credentials');
  const accounts = (...args: string[]) => answerHere(env, 'accounts', '--tenant', tenant, '--owner', 'bo', ...args);
  expect(await accounts('--no-failed')).toEqual([]);
  expect(await accounts('--state', 'failed')).toMatchObject([{ id }]);
  expect(await patchbay(env, 'disconnect', id, '--purge', '--tenant', tenant)).toMatchObject({
    code: 0,
    stdout: `The failed login ${id} is deleted.\n`,
  });
  expect(await accounts()).toEqual([]);
});

it('shows each step for machines as the API does', async () => {
  const connecting = talk('connect', 'whatsapp', '--owner', 'cleo', '--json', '--tenant', tenant);
  const step = JSON.parse(await connecting.until(/\n/));
  expect(step).toMatchObject({ kind: 'qr', text: expect.any(String), instructions: expect.stringContaining('scan') });
  const [account] = await answerHere(env, 'accounts', '--tenant', tenant, '--owner', 'cleo');
  const { body } = await (await stack.client(tenant)).get(`/api/v1/accounts/${account.id}/attempt`);
  expect(step).toEqual(body.step);
  const { provider_account_id: id } = await answerHere(env, 'accounts', 'show', account.id, '--tenant', tenant);
  await stack.control.post('/scan', { account_id: id });
  expect(await connecting.ended).toBe(0);
});

it("merges an identity of another owner's account where it is told to, and fails by default", async () => {
  const login = (owner: string, ...more: string[]) => {
    const credentials = ['--credential', 'username=plain@shared.example', '--credential', 'password=x'];
    return patchbay(env, 'connect', 'linkedin', '--owner', owner, ...credentials, '--tenant', tenant, ...more);
  };
  expect((await login('dora')).code).toBe(0);
  expect(await login('eve', '--json')).toMatchObject({ code: 1, stdout: expect.stringContaining('another_owner') });
  expect((await login('eve', '--merge-across-owners')).code).toBe(0);
});

it.each([
  [['connect', 'carrier-pigeon', '--owner', 'maya', '--tenant', tenant], 2, /none of whatsapp/],
  [['connect', 'whatsapp', '--tenant', tenant], 2, /--owner/],
  [
    ['connect', 'whatsapp', '--owner', 'maya', '--provider', 'wasender', '--method', 'hosted', '--tenant', tenant],
    1,
    /qr/,
  ],
  [['reconnect', 'none', '--tenant', tenant], 1, /no such account/i],
])('refuses what cannot work: %j', async (args, code, reason) => {
  expect(await patchbayHere(env, ...args)).toMatchObject({ code, stderr: expect.stringMatching(reason) });
});

it('lists API keys and revokes one', async () => {
  const { api_key: key } = await answerHere(env, 'keys', 'create', '--tenant', tenant, '--name', 'old');
  const listed = await answerHere(env, 'keys', 'list', '--tenant', tenant);
  const one = listed.find(({ name }: { name: string }) => name === 'old');
  expect(key.startsWith(one.prefix)).toBe(true);
  await answerHere(env, 'keys', 'revoke', one.id, '--tenant', tenant);
  const after = await answerHere(env, 'keys', 'list', '--tenant', tenant);
  expect(after.find(({ id }: { id: string }) => id === one.id).revoked_at).not.toBeNull();
  expect(await patchbay(env, 'keys', 'revoke', 'none', '--tenant', tenant)).toMatchObject({ code: 1 });
});

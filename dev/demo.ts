import { randomBytes } from 'node:crypto';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { styleText } from 'node:util';
import encodeQR from 'qr';
import { requireNode } from './parts/node-version.ts';
import type { StackFile } from './parts/stack-file.ts';

requireNode();

const { startStack } = await import('./stack.ts');
const { reportToStdout } = await import('./parts/progress.ts');
const { openHome } = await import('./parts/home.ts');

/** For the error message. */
let part = 'starting';

const print = (text: string): void => console.log(text);
const begin = (title: string): void => {
  part = title;
  print(`\n${styleText('bold', title)}`);
};

async function findStack(): Promise<{ stack: StackFile; end: () => Promise<void> }> {
  const file = join(openHome(process.env).path, 'stack.json');
  if (existsSync(file))
    return { stack: JSON.parse(readFileSync(file, 'utf8')) as StackFile, end: () => Promise.resolve() };
  print('No stack is running: starting one for this demo.');
  const home = mkdtempSync(join(tmpdir(), 'patchbay-demo-'));
  const own = await startStack({ ...process.env, PATCHBAY_HOME: home }, reportToStdout, new AbortController().signal);
  return {
    stack: own.describe(),
    end: async () => {
      await own.stop();
      rmSync(home, { recursive: true, force: true });
    },
  };
}

type Json = Record<string, any>;

async function request(base: string, method: string, path: string, body?: unknown, key?: string): Promise<Json> {
  const response = await fetch(new URL(path, base), {
    method,
    headers: { ...(key ? { authorization: `Bearer ${key}` } : {}), 'content-type': 'application/json' },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const answer = (await response.json().catch(() => ({}))) as Json;
  if (!response.ok)
    throw new Error(`${method} ${path} answered ${response.status}: ${answer.detail ?? answer.error ?? ''}`);
  return answer;
}

async function playDemo(stack: StackFile): Promise<void> {
  const { sandbox } = stack;
  if (!sandbox) throw new Error('the demo uses the sandbox: unset the provider credentials first');
  const api = (method: string, path: string, body?: unknown) =>
    request(stack.api_url, method, `/api/v1${path}`, body, stack.api_key);
  const control = (path: string, body: unknown) => request(sandbox.control_url, 'POST', path, body);
  const visitor = randomBytes(3).toString('hex');

  const until = async (what: string, ask: () => Promise<Json | null>): Promise<Json> => {
    for (const end = Date.now() + 60_000; Date.now() < end;) {
      const found = await ask();
      if (found) return found;
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
    throw new Error(`waited a minute for ${what}`);
  };
  const step = (id: string, kind: string, after?: string) =>
    until(`the step ${kind}`, async () => {
      const attempt = await api('GET', `/accounts/${id}/attempt${after ? `?after=${after}&wait=10` : ''}`);
      return attempt.step?.kind === kind && attempt.step.id !== after ? attempt.step : null;
    });
  const state = (id: string, wanted: string) =>
    until(`the account to be ${wanted}`, async () => {
      const account = await api('GET', `/accounts/${id}`);
      return account.state === wanted ? account : null;
    });
  const draw = (text: string): void => {
    if (process.stdout.isTTY) print(encodeQR(text, 'term'));
    else print(`  (QR code with ${text.length} characters; a terminal shows it drawn)`);
  };
  const scan = async (id: string): Promise<Json> => {
    const account = await until('the upstream id', async () => {
      const found = await api('GET', `/accounts/${id}`);
      return found.provider_account_id ? found : null;
    });
    await control('/scan', { account_id: account.provider_account_id });
    return state(id, 'active');
  };

  begin('1. A WhatsApp account is connected by QR code');
  const whatsapp = (
    await api('POST', '/accounts', { provider: 'unipile', channel: 'whatsapp', owner: `maya-${visitor}` })
  ).account;
  const first = await step(whatsapp.id, 'qr');
  draw(first.text);
  print(`  It is not scanned in time: the sandbox's clock advances by two minutes.`);
  await control('/clock', { advance_seconds: 120 });
  const second = await step(whatsapp.id, 'qr', first.id);
  print('  The code expired and was replaced:');
  draw(second.text);
  const active = await scan(whatsapp.id);
  print(`  Scanned. The account is ${active.state}: ${active.provider_config.formatted_phone_number}.`);

  begin('2. A LinkedIn account is connected with a password and a 2FA code');
  const linkedin = (
    await api('POST', '/accounts', {
      provider: 'unipile',
      channel: 'linkedin',
      owner: `maya-${visitor}`,
      credentials: { username: `2fa@${visitor}.example`, password: 'correct horse' },
    })
  ).account;
  const code = await step(linkedin.id, 'code');
  print(`  ${code.instructions}`);
  await api('POST', `/accounts/${linkedin.id}/attempt/steps/${code.id}`, { answer: '000000' });
  const again = await step(linkedin.id, 'code', code.id);
  print(`  A wrong code. ${again.instructions} (${again.attempts_left} tries left)`);
  await api('POST', `/accounts/${linkedin.id}/attempt/steps/${again.id}`, { answer: '123456' });
  print(`  The right code. The account is ${(await state(linkedin.id, 'active')).state}.`);

  begin('3. WhatsApp drops the account, and its owner reconnects it');
  await control('/drop', { account_id: active.provider_account_id, status: 'CREDENTIALS' });
  const dropped = await state(whatsapp.id, 'reconnect_required');
  print(`  The provider dropped it. Reason: ${dropped.reason}; who must act: ${dropped.who}.`);
  await api('POST', `/accounts/${whatsapp.id}/reconnect`, {});
  draw((await step(whatsapp.id, 'qr')).text);
  print(`  Scanned. The same account is ${(await scan(whatsapp.id)).state} again.`);

  begin('4. The LinkedIn account is disconnected');
  await api('DELETE', `/accounts/${linkedin.id}`);
  print(`  The account is ${(await state(linkedin.id, 'disconnected')).state}; its history is kept.`);

  begin('The timelines of both accounts');
  for (const account of [whatsapp, linkedin]) {
    const { items } = await api('GET', `/accounts/${account.id}/timeline?limit=100`);
    const attempt = await api('GET', `/accounts/${account.id}/attempt`);
    print(`\n  ${account.channel} ${account.id}`);
    for (const line of items) print(`    ${line.at.slice(11, 19)}  ${line.text}`);
    if (attempt.history_url) print(`    In the Temporal UI: ${attempt.history_url}`);
  }
}

const { stack, end } = await findStack();
try {
  await playDemo(stack);
  print(styleText('green', '\nThe demo is over: every step succeeded.'));
} catch (error) {
  process.stderr.write(`patchbay: the demo failed at "${part}": ${(error as Error).message}\n`);
  process.exitCode = 1;
} finally {
  await end();
}

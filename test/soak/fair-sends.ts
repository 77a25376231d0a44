import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { PROJECT } from '../../dev/parts/home.ts';
import { createClient, type ApiClient } from '../support/client.ts';
import { eventually } from '../support/eventually.ts';
import { startRealStack, type RealStack } from '../support/real-stack.ts';
import type { Row } from './assertions.ts';
import { openFacts, type Facts } from './facts.ts';

export interface FairnessSize {
  /** Messages that one account is to send, and how many of them in any minute. */
  sends: number;
  perMinute: number;
  /** People in the account whose history is read meanwhile; each has a conversation of about six messages. */
  people: number;
  /** Seconds of the sandbox's clock that are skipped in each second; 0: none. */
  hurry: number;
}

const none = { per_minute: null, per_hour: null, per_day: null, spacing_seconds: null };
/** The longest time for all of it once everything is queued, beside what the budget takes, in milliseconds. */
const settleMs = 1_200_000;

/** One account's burst and another one's history, of one tenant, beside a single message of another tenant. */
export async function fairSends(size: FairnessSize, report: (text: string) => void): Promise<Row[]> {
  const real = await startRealStack();
  const facts = await openFacts(real.stack.describe());
  try {
    const other = await otherTenant(real);
    const burst = await connect(real, real.api, 0);
    const single = await connect(real, other, 0);
    await limit(real.api, burst.id, { ...none, per_minute: size.perMinute });
    await limit(other, single.id, none);
    const alone = await timeOf(facts, other, single.id, 'Alone');
    await real.api.patch('/api/v1/tenant', { history_days: 365 });
    const began = Date.now();
    const archive = await connect(real, real.api, size.people);
    await eventually('the history to be read', async () => (await facts.count(messagesOf(archive.id))) > 0);
    for (let n = 0; n < size.sends; n += 1) await queue(real.api, burst.id, `Burst ${n}`);
    const beside = await timeOf(facts, other, single.id, 'Beside');
    const left = await facts.count(openOf(burst.id));
    const run = `sync_runs where account_id = '${archive.id}' and kind = 'conversations' and state = 'running'`;
    const isReading = (await facts.count(run)) > 0;
    await drained(real, facts, size, burst.id);
    const sentMs = Date.now() - began;
    const read = await facts.count(messagesOf(archive.id));
    report(
      `a single message: ${alone} ms alone, ${beside} ms beside (${left} of the burst open, history ${isReading ? 'being read' : 'read'})`,
    );
    report(
      `the burst: ${size.sends} in ${Math.round(sentMs / 1_000)} s; the history: ${read} messages in ${Math.round((Date.now() - began) / 1_000)} s`,
    );
    const most = await mostInAMinute(facts, burst.id);
    const texts = await taken(real, burst.upstream);
    return [
      row('fairness: most messages in any minute', `≤ ${size.perMinute}`, String(most), most <= size.perMinute),
      equal(
        'fairness: messages of the burst at the provider, and different ones',
        `${size.sends}, ${size.sends}`,
        `${texts.length}, ${new Set(texts).size}`,
      ),
      row("fairness: of the burst still open when another tenant's message was sent", '> 0', String(left), left > 0),
      row('fairness: messages of the history', '> 0', String(read), read > 0),
    ];
  } finally {
    await facts.close();
    await real.stop();
  }
}

const messagesOf = (id: string): string => `messages where account_id = '${id}'`;
const openOf = (id: string): string => `message_sends where account_id = '${id}' and state <> 'sent'`;

async function otherTenant(real: RealStack): Promise<ApiClient> {
  const args = [join(PROJECT, 'cli/main.ts'), 'keys', 'create', '--tenant', 'other', '--scope', 'all', '--json'];
  const { stdout } = await promisify(execFile)(process.execPath, args, { env: real.env as NodeJS.ProcessEnv });
  return createClient(real.stack.describe().api_url, JSON.parse(stdout).api_key);
}

async function connect(
  { control }: RealStack,
  api: ApiClient,
  size: number,
): Promise<{ id: string; upstream: string }> {
  const body = { provider: 'unipile', channel: 'whatsapp', owner: 'kim' };
  const { id } = (await api.post('/api/v1/accounts', body)).body.account;
  const upstream: string = await eventually(
    'the login to begin',
    async () => (await api.get(`/api/v1/accounts/${id}`)).body.provider_account_id,
  );
  await control.put('/address-book', { account_id: upstream, size, seed: 'fairness' });
  await control.post('/scan', { account_id: upstream });
  await api.account(id, 'active');
  return { id, upstream };
}

async function limit(api: ApiClient, id: string, limits: object): Promise<void> {
  const { status, body } = await api.patch(`/api/v1/accounts/${id}`, { rate_limits: limits });
  if (status !== 200) throw new Error(JSON.stringify(body));
}

async function queue(api: ApiClient, account: string, text: string): Promise<string> {
  const send = (): Promise<any> => api.post('/api/v1/messages', { account, recipients: ['+33639980555'], text });
  const { status, body } = await send();
  if (status !== 202) throw new Error(JSON.stringify(body));
  return body.id;
}

/** Milliseconds from the request until a message is sent. */
async function timeOf(facts: Facts, api: ApiClient, account: string, text: string): Promise<number> {
  const began = Date.now();
  const id = await queue(api, account, text);
  await eventually(
    `"${text}" to be sent`,
    async () => {
      const { status, send } = (await api.get(`/api/v1/messages/${id}`)).body;
      if (send?.state === 'failed') throw new Error(JSON.stringify(send));
      return (
        status !== 'queued' && (await facts.count(`message_sends where message_id = '${id}' and state = 'sent'`)) === 1
      );
    },
    settleMs,
  );
  return Date.now() - began;
}

async function drained(real: RealStack, facts: Facts, { sends, perMinute, hurry }: FairnessSize, id: string) {
  const withinMs = (sends / perMinute) * 60_000 + settleMs;
  for (const end = Date.now() + withinMs; (await facts.count(openOf(id))) > 0;) {
    if (Date.now() > end) throw new Error('The burst does not come to an end.');
    await sleep(1_000);
    if (hurry) await real.control.post('/clock', { advance_seconds: hurry });
  }
}

/** By the product's clock. */
async function mostInAMinute(facts: Facts, id: string): Promise<number> {
  const [found] = await facts.rows(
    `select max(n)::int as n from (
       select (select count(*) from send_calls o where o.account_id = c.account_id
               and o.at >= c.at and o.at < c.at + interval '1 minute') as n
       from send_calls c where c.account_id = '${id}') counted`,
  );
  return found?.n ?? 0;
}

async function taken({ control }: RealStack, upstream: string): Promise<string[]> {
  const conversations: any[] = await control.get(`/conversations?account_id=${upstream}`);
  return conversations.flatMap(({ messages }) =>
    messages.filter(({ from }: any) => from === null).map(({ text }: any) => text as string),
  );
}

const row = (what: string, expected: string, found: string, ok: boolean): Row => ({ what, expected, found, ok });
const equal = (what: string, expected: string, found: string): Row => row(what, expected, found, expected === found);

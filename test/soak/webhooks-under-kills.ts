import { setTimeout as sleep } from 'node:timers/promises';
import { eventually } from '../support/eventually.ts';
import { startRealStack, type RealStack } from '../support/real-stack.ts';
import { upstreamOf } from '../support/unipile-account.ts';
import type { Row } from './assertions.ts';
import { openFacts, type Facts } from './facts.ts';
import { whileProgress } from './progress.ts';
import {
  contentsOf,
  differences,
  expectedConversations,
  foundConversations,
  type TrueConversation,
} from './shown-conversations.ts';

/** `count`: events of an account, of which WASender tells each two in about three webhooks; `rate`: of them a second. */
export interface WebhookSize {
  count: Record<Provider, number>;
  rate: number;
  conversations: number;
  /** Kills at least, and the least time between the end of one outage and the next kill, in milliseconds. */
  kills: number;
  gapMs: number;
  /** Leaves out the part with Temporal running. */
  withoutTemporal?: boolean;
}

const seed = 'kills';
const shares = { duplicates: 0.2, disorder: 0.2, malformed: 0.01 };
/** UniPile tries five times more: 3, 9, 21, 45 and 93 s after the first try. */
const retries = [
  { provider: 'unipile', name: 'webhook_retry_base_seconds', value: 3 },
  { provider: 'wasender', name: 'webhook_retry_base_seconds', value: 3 },
  { provider: 'wasender', name: 'webhook_retries', value: 5 },
];
/** Nothing is written while so many webhooks of an account wait: a slow machine makes the soak longer, and nothing else. */
const mostWaiting = 500;
/** No kill comes while a webhook is waiting whose tries failed more often. Thus an outage of up to 80 s makes none be given up. */
const mostTries = 2;
/** The longest time until a part works again, and until an account moves, in milliseconds. */
const patienceMs = 180_000;

type Provider = 'unipile' | 'wasender';
/** Of what a provider's times of messages count, in milliseconds. */
const units: Record<Provider, number> = { unipile: 1, wasender: 1_000 };

interface Connected {
  provider: Provider;
  id: string;
  /** How the sandbox's control names it. */
  ref: Record<string, unknown>;
}

/**
 * Has the sandbox write conversations while the API and PostgreSQL are killed, first with Temporal and then with Temporal
 * stopped from before the first event to after the last; answers the assertions' results. The same conversations are written
 * once and in order into accounts beside them.
 */
export async function webhooksUnderKills(size: WebhookSize, report: (text: string) => void): Promise<Row[]> {
  const real = await startRealStack();
  const facts = await openFacts(real.stack.describe());
  try {
    for (const variant of retries) await real.control.put('/variants', variant);
    const [calm, killed, alone, dropped] = await connectAll(real);
    const { count, conversations } = size;
    await Promise.all(calm.map((one) => write(real, one, { count: count[one.provider], conversations })));
    await Promise.all(calm.map((one) => written(real, one)));
    const running = size.withoutTemporal ? [] : await play(real, facts, size, 'Temporal running', calm, killed, report);
    const stopped = await withoutTemporal(
      real,
      facts,
      () => play(real, facts, size, 'Temporal stopped', calm, alone, report),
      dropped,
    );
    return [...running, ...stopped];
  } finally {
    await facts.close();
    await real.stop();
  }
}

/** Four accounts of each provider. */
async function connectAll(real: RealStack): Promise<[Connected[], Connected[], Connected[], Connected[]]> {
  const each = (n: number): Promise<Connected[]> =>
    Promise.all((['unipile', 'wasender'] as const).map((provider) => connect(real, provider, n)));
  return [await each(1), await each(2), await each(3), await each(4)];
}

async function connect({ api, control }: RealStack, provider: Provider, n: number): Promise<Connected> {
  const phone = `3363998500${n}`;
  const credentials = provider === 'wasender' ? { credentials: { phone_number: `+${phone}` } } : {};
  const begun = await api.post('/api/v1/accounts', { provider, channel: 'whatsapp', owner: 'kim', ...credentials });
  const { id } = begun.body.account;
  const upstream = await upstreamOf(api, id);
  const ref = provider === 'unipile' ? { account_id: upstream } : { session: upstream };
  // Nothing but what the writer writes: UniPile's history would bring the sandbox's own conversations.
  if (provider === 'unipile') await control.put('/address-book', { ...ref, size: 0, seed: 'nobody' });
  await control.post('/scan', { ...ref, ...(provider === 'unipile' && { phone }) });
  await api.account(id, 'active');
  if (provider === 'unipile')
    await eventually('the first history', async () => {
      const { items } = (await api.get(`/api/v1/accounts/${id}/syncs`)).body;
      return items.some((run: any) => run.kind === 'conversations' && run.state === 'succeeded');
    });
  return { provider, id, ref };
}

const write = ({ control }: RealStack, { ref }: Connected, more: object): Promise<unknown> =>
  control.post('/writer', { ...ref, seed, groups: 2, ...more });

const writer = ({ control }: RealStack, { ref }: Connected, events = ''): Promise<any> =>
  control.get(`/writer?${new URLSearchParams(ref as Record<string, string>).toString()}${events}`);

/** Resolves once all webhooks of an account were delivered, or given up. */
const written = (real: RealStack, one: Connected): Promise<any> =>
  whileProgress('what is delivered', async () => {
    const { state, written: events, webhooks } = await writer(real, one);
    return { done: state === 'done' ? await writer(real, one, '&events=true') : null, progress: { events, webhooks } };
  });

/** Kills API and PostgreSQL in turn while webhooks are written and sent again; answers how often. */
async function kill(
  real: RealStack,
  accounts: readonly Connected[],
  { kills, gapMs }: Pick<WebhookSize, 'kills' | 'gapMs'>,
): Promise<number> {
  const shown = (): Promise<any[]> => Promise.all(accounts.map((one) => writer(real, one)));
  const caughtUp = async (): Promise<{ done: true | null; progress: unknown }> => {
    const webhooks = (await shown()).map((one) => one.webhooks);
    return { done: webhooks.every((one) => one.most_tries <= mostTries) || null, progress: webhooks };
  };
  let n = 0;
  for (; n < kills || (await shown()).some(({ state }) => state === 'writing'); n += 1) {
    await sleep(gapMs);
    await whileProgress('what failed to be delivered', caughtUp);
    await real.kill(n % 2 ? 'postgres' : 'api');
    // Without Temporal the stack is never ready.
    await eventually(
      'the API',
      async () => (await real.api.get('/api/v1/accounts?limit=1')).status === 200,
      patienceMs,
    );
  }
  return n;
}

/** Plays the same conversations into accounts while parts are killed, and compares. */
async function play(
  real: RealStack,
  facts: Facts,
  { count, rate, conversations, ...often }: WebhookSize,
  name: string,
  calm: readonly Connected[],
  accounts: readonly Connected[],
  report: (text: string) => void,
): Promise<Row[]> {
  const began = Date.now();
  await Promise.all(
    accounts.map((one) =>
      write(real, one, { count: count[one.provider], rate, conversations, ...shares, waiting: mostWaiting }),
    ),
  );
  const kills = await kill(real, accounts, often);
  const shown = await Promise.all(accounts.map((one) => written(real, one)));
  const ids = accounts.map(({ id }) => `'${id}'`).join(', ');
  const owed = `webhook_events where account_id in (${ids}) and state = 'received'`;
  const left = async (): Promise<{ done: true | null; progress: number }> => {
    const progress = await facts.count(owed);
    return { done: progress === 0 || null, progress };
  };
  await whileProgress('what is owed', left).catch(() => undefined);
  const took = ((Date.now() - began) / 1_000).toFixed(1);
  const sent = shown.map(({ webhooks: { all, twice, malformed } }, n) => {
    const tries: unknown[] = shown[n].events.flatMap((one: any) =>
      one.webhooks.flatMap((webhook: any) => webhook.tries),
    );
    const answers = [...Map.groupBy(tries, String)].map(([answer, of]) => `${of.length} × ${answer}`);
    return `${accounts[n]?.provider} ${all}, ${twice} twice, ${malformed} malformed, answers ${answers.join(', ')}`;
  });
  report(`${name}: ${sent.join('; ')}; ${kills} kills of API and PostgreSQL; ${took} s`);
  const rows = [
    atLeast(`${name}: kills`, often.kills, kills),
    await equal(`${name}: events owed`, 0, facts.count(owed)),
  ];
  for (const [n, one] of accounts.entries())
    rows.push(...(await compare(facts, `${name}, ${one.provider}`, one, shown[n], calm[n])));
  report(`${name}: ${rows.filter(({ ok }) => ok).length} of ${rows.length} assertions hold`);
  return rows;
}

async function compare(
  facts: Facts,
  name: string,
  { id, provider }: Connected,
  { webhooks, conversations, events }: any,
  calm: Connected | undefined,
): Promise<Row[]> {
  const of = `webhook_events where account_id = '${id}' and kind not in ('account_status', 'contact')`;
  const { malformed, malformed_acknowledged: taken, all, acknowledged } = webhooks;
  const sent: any[] = events
    .flatMap((one: any) => one.webhooks)
    // WASender's events of chats count seconds: equal ones of one second are one event.
    .filter(({ event }: any) => !/^(contact|chats\.)/.test(event));
  const copies = sent.reduce((sum, one) => sum + one.copies, 0);
  const [stored] = await facts.rows(
    `select count(*)::int as n, count(distinct dedupe_key)::int as keys, sum(deliveries)::int as deliveries
     from ${of} and kind not in ('unreadable', 'other') and type not like 'chats.%'`,
  );
  const truth = expectedConversations(conversations as TrueConversation[], units[provider]);
  const found = await foundConversations(facts, id);
  const wrong = differences(truth, found);
  const [own, others] = await Promise.all([contentsOf(facts, id), contentsOf(facts, calm?.id ?? '')]);
  const surplus = own.filter((one) => !others.includes(one));
  return [
    await equal(`${name}: acknowledged`, all, acknowledged),
    await equal(`${name}: malformed acknowledged`, malformed, taken),
    await equal(
      `${name}: events stored once`,
      `${sent.length}, ${sent.length} keys`,
      `${stored?.n}, ${stored?.keys} keys`,
    ),
    atLeast(`${name}: deliveries counted`, copies, stored?.deliveries),
    await equal(`${name}: failed`, 0, facts.count(`${of} and state <> 'processed' and kind <> 'unreadable'`)),
    await equal(`${name}: effects without message`, 0, facts.count(`message_effects where account_id = '${id}'`)),
    await equal(`${name}: conversations`, truth.length, found.length),
    listed(`${name}: true final state`, wrong, `${truth.flatMap(({ messages }) => messages).length} messages`),
    listed(`${name}: as played once and in order`, surplus, `${own.length} messages`),
    await equal(`${name}: no more and no fewer`, others.length, own.length),
  ];
}

/** What each provider reports of an account whose login it lost. */
const lostLogin: Record<Provider, string> = { unipile: 'CREDENTIALS', wasender: 'logged_out' };

/**
 * Stops Temporal meanwhile. Reports of accounts that come before all other events take effect once Temporal is back, and not
 * before.
 */
async function withoutTemporal(
  real: RealStack,
  facts: Facts,
  work: () => Promise<Row[]>,
  dropped: readonly Connected[],
): Promise<Row[]> {
  const stateOf = async ({ id }: Connected): Promise<string> =>
    (await real.api.get(`/api/v1/accounts/${id}`)).body.state;
  const resume = real.suspend('temporal');
  try {
    for (const { id, ref, provider } of dropped) {
      const reports = (): Promise<number> => facts.count(`webhook_events where account_id = '${id}'`);
      const before = await reports();
      await real.control.post('/drop', { ...ref, status: lostLogin[provider] });
      await eventually('the report of a lost login', async () => (await reports()) > before);
    }
    const rows = await work();
    for (const one of dropped)
      rows.push(await equal(`Temporal stopped: ${one.provider} account with a lost login`, 'active', stateOf(one)));
    resume();
    for (const one of dropped) {
      const moved = async (): Promise<boolean> => (await stateOf(one)) === 'reconnect_required';
      await eventually('an account to be moved', moved, patienceMs).catch(() => undefined);
      const what = `Temporal back: ${one.provider} account with a lost login`;
      rows.push(await equal(what, 'reconnect_required', stateOf(one)));
    }
    return rows;
  } finally {
    resume();
  }
}

async function equal(what: string, expected: unknown, asked: unknown): Promise<Row> {
  const found = await asked;
  return { what, expected: String(expected), found: String(found), ok: String(found) === String(expected) };
}

const atLeast = (what: string, least: number, found: number): Row => ({
  what,
  expected: `≥ ${least}`,
  found: String(found),
  ok: found >= least,
});

const listed = (what: string, wrong: readonly string[], right: string): Row => ({
  what,
  expected: 'no difference',
  found: wrong.length ? `${wrong.length}: ${wrong.slice(0, 8).join('; ')}` : right,
  ok: wrong.length === 0,
});

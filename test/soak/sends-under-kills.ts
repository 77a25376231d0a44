import { setTimeout as sleep } from 'node:timers/promises';
import { eventually } from '../support/eventually.ts';
import { startRealStack, type RealStack } from '../support/real-stack.ts';
import type { Row } from './assertions.ts';
import { openFacts, type Facts } from './facts.ts';
import { openSendGates, type Gate, type SendGates } from './send-gates.ts';

/** `sends`: messages of each account; there is one for each provider and point. `kills` of the worker hit all of them. */
export interface SendsSize {
  sends: number;
  kills: number;
}

/**
 * Where the worker is killed: before the mark is committed, after that and before the provider has the message, once the
 * provider has it and no answer came, before the outcome is committed, and after that.
 */
const points = ['begin', 'mark', 'call', 'answer', 'commit'] as const;
type Point = (typeof points)[number];
type Provider = 'unipile' | 'wasender';

const sendRoutes: Record<Provider, string> = {
  unipile: 'POST /api/v1/chats/:id/messages',
  wasender: 'POST /api/send-message',
};
/**
 * UniPile can be asked what it has. WASender cannot, for these sessions log nothing, and its webhooks are lost: at these points
 * nothing tells whether the message was sent. All of them take every activity that a worker has at a time.
 */
const pointsOf: Record<Provider, readonly Point[]> = { unipile: points, wasender: ['mark', 'call', 'answer'] };

const people = ['+33639980001', '+33639980002', '+33639980003'];
const none = { per_minute: null, per_hour: null, per_day: null, spacing_seconds: null };
const settleMs = 180_000;
/** Seconds of the sandbox's clock in each half second, until all is decided. */
const clockStep = 30;

interface Sender {
  provider: Provider;
  point: Point;
  id: string;
  /** How the sandbox's control names it. */
  ref: Record<string, string>;
  /** Ids of conversations, one with each person. */
  conversations: string[];
  /** The texts of each conversation, in order. */
  texts: string[][];
  /** Ids of messages that were unclear. */
  unclear: Set<string>;
}

/** Has accounts send while the worker is killed at each point; answers the assertions' results. */
export async function sendsUnderKills(size: SendsSize, report: (text: string) => void): Promise<Row[]> {
  const real = await startRealStack();
  const [facts, gates] = await Promise.all([openFacts(real.stack.describe()), openSendGates(real)]);
  try {
    const senders = await Promise.all(
      (['unipile', 'wasender'] as const).flatMap((provider) =>
        pointsOf[provider].map((point) => connect(real, provider, point)),
      ),
    );
    await Promise.all(senders.map((one) => write(real, one, people.length)));
    await decideAll(real, facts, senders);
    for (let n = 0; n < size.kills; n += 1) {
      const began = Date.now();
      const count = Math.floor(size.sends / size.kills) + (n < size.sends % size.kills ? 1 : 0);
      // Else the webhooks of what WASender sent tell that it did.
      await real.control.put('/faults', { provider: 'wasender', webhook_drop: 1 });
      await killAtEachPoint(real, facts, gates, senders, count);
      await decideAll(real, facts, senders);
      await real.control.put('/faults', { provider: 'wasender' });
      report(`the worker was killed at ${points.join(', ')} (${n + 1}); ${Math.round((Date.now() - began) / 1_000)} s`);
    }
    return (await Promise.all(senders.map((one) => assess(real, facts, one, size)))).flat();
  } finally {
    await gates.end();
    await facts.close();
    await real.stop();
  }
}

async function connect({ api, control }: RealStack, provider: Provider, point: Point): Promise<Sender> {
  const phone = `33639986${provider === 'unipile' ? 1 : 2}0${points.indexOf(point)}`;
  const credentials = { phone_number: `+${phone}`, log_messages: false };
  const body = { provider, channel: 'whatsapp', owner: 'kim', ...(provider === 'wasender' && { credentials }) };
  const { id } = (await api.post('/api/v1/accounts', body)).body.account;
  const upstream = await eventually(
    'the login to begin',
    async () => (await api.get(`/api/v1/accounts/${id}`)).body.provider_account_id,
  );
  const ref: Record<string, string> = provider === 'unipile' ? { account_id: upstream } : { session: upstream };
  await control.put('/address-book', { ...ref, size: 0, seed: 'nobody' });
  await control.post('/scan', { ...ref, ...(provider === 'unipile' && { phone }) });
  await api.account(id, 'active');
  await limit(api, id, none);
  return { provider, point, id, ref, conversations: [], texts: people.map(() => []), unclear: new Set() };
}

async function limit(api: RealStack['api'], id: string, limits: object): Promise<void> {
  const { status, body } = await api.patch(`/api/v1/accounts/${id}`, { rate_limits: limits });
  if (status !== 200) throw new Error(JSON.stringify(body));
}

/** Queues so many messages, one conversation after the other; answers their texts. */
async function write({ api }: RealStack, sender: Sender, count: number): Promise<string[]> {
  const written: string[] = [];
  for (let n = 0; n < count; n += 1) {
    const person = n % people.length;
    const own = sender.texts[person] ?? [];
    const text = `${sender.point} ${person}/${String(own.length).padStart(3, '0')}`;
    const known = sender.conversations[person];
    const { status, body } = known
      ? await api.post(`/api/v1/conversations/${known}/messages`, { text })
      : await api.post('/api/v1/messages', { account: sender.id, recipients: [people[person]], text });
    if (status !== 202) throw new Error(JSON.stringify(body));
    sender.conversations[person] = body.conversation;
    own.push(text);
    written.push(text);
  }
  return written;
}

/** Queues messages of every sender, brings each worker's send of one of them to its point, and kills the worker there. */
async function killAtEachPoint(
  real: RealStack,
  facts: Facts,
  gates: SendGates,
  senders: readonly Sender[],
  count: number,
): Promise<void> {
  const { api, control } = real;
  // Held until all of them are queued: a send at a gate locks the queue of its account.
  await Promise.all(senders.map(({ id }) => limit(api, id, { ...none, per_minute: 0 })));
  const gateOf = new Map<Sender, Gate>();
  await Promise.all(
    senders.map(async (sender) => {
      const written = await write(real, sender, count);
      const at = sender.point === 'answer' || sender.point === 'commit' ? 'answer' : 'begin';
      const gate: Gate = { account: sender.id, text: written[Math.floor((count - 1) / 2)] ?? '', at };
      gateOf.set(sender, gate);
    }),
  );
  for (const gate of gateOf.values()) await gates.close(gate);
  await Promise.all(senders.map(({ id }) => limit(api, id, none)));
  await Promise.all([...gateOf.values()].map((gate) => gates.reached(gate)));
  for (const [{ point, id }, gate] of gateOf) {
    if (point !== 'commit') continue;
    const next: Gate = { account: id, text: null, at: 'begin' };
    await gates.close(next);
    await gates.open(gate);
    await gates.reached(next);
    const isSent = `messages where account_id = '${id}' and text = '${gate.text}' and status = 'sent'`;
    if ((await facts.count(isSent)) !== 1) throw new Error('The outcome is not committed.');
  }
  for (const [{ point, provider }, gate] of gateOf) {
    if (point !== 'mark') continue;
    const route = sendRoutes[provider];
    await control.put('/faults', { provider, route, timeout: 1, times: 1 });
    await gates.open(gate);
    await eventually('the call', async () => !(await control.get('/faults')).some((one: any) => one.route === route));
  }
  for (const [sender, gate] of gateOf) {
    if (sender.point !== 'call') continue;
    const { provider } = sender;
    await control.put('/faults', { provider, route: sendRoutes[provider], delay: 1, delay_seconds: 60, times: 1 });
    await gates.open(gate);
    await eventually('the provider to have the message', async () =>
      (await taken(real, sender)).flat().includes(gate.text ?? ''),
    );
  }
  await real.kill('worker');
  await gates.openAll();
}

/** The own texts of each conversation at the provider, in its order. */
async function taken({ control }: RealStack, { ref }: Sender): Promise<string[][]> {
  const conversations: any[] = await control.get(`/conversations?${new URLSearchParams(ref).toString()}`);
  return conversations.map(({ messages }) =>
    messages.filter(({ from }: any) => from === null).map(({ text }: any) => text as string),
  );
}

/**
 * Lets time go on until no send is open. What is unclear is decided as a person does: left as it is where the provider has
 * it, else sent again.
 */
async function decideAll(real: RealStack, facts: Facts, senders: readonly Sender[]): Promise<void> {
  const bySender = new Map(senders.map((one) => [one.id, one]));
  for (const end = Date.now() + settleMs; ;) {
    const open = await facts.rows(
      `select s.message_id as id, s.account_id, s.state, m.text from message_sends s
       join messages m on m.id = s.message_id where s.state in ('queued', 'sending', 'unclear')`,
    );
    if (!open.length) return;
    if (Date.now() > end) throw new Error(`still open: ${JSON.stringify(open.slice(0, 5))}`);
    for (const { id, account_id: account, state, text } of open) {
      const sender = bySender.get(account);
      if (!sender || state !== 'unclear') continue;
      sender.unclear.add(id);
      const isThere = (await taken(real, sender)).flat().includes(text);
      const { status, body } = await real.api.post(`/api/v1/messages/${id}/${isThere ? 'cancel' : 'retry'}`);
      if (status >= 300 && body.code !== 'database_busy') throw new Error(JSON.stringify(body));
    }
    await sleep(500);
    await real.control.post('/clock', { advance_seconds: clockStep });
  }
}

async function assess(real: RealStack, facts: Facts, sender: Sender, { sends, kills }: SendsSize): Promise<Row[]> {
  const { provider, point, id, texts, unclear } = sender;
  const name = `${provider}, killed at ${point}`;
  const found = await taken(real, sender);
  const all = sends + people.length;
  const own = found.flat();
  const missing = texts.flat().filter((text) => !own.includes(text)).length;
  const disordered = found.filter((one) => one.join() !== one.toSorted().join()).length;
  const rows = await facts.rows(`select id, status from messages where account_id = '${id}' and direction = 'out'`);
  const isClear = ({ id: message, status }: any): boolean => status === 'sent' || unclear.has(message);
  const expectedUnclear = provider === 'wasender' ? kills : 0;
  return [
    equal(
      `${name}: sent, lost, doubled`,
      `${all}, 0, 0`,
      `${own.length}, ${missing}, ${own.length - new Set(own).size}`,
    ),
    equal(`${name}: conversations out of order`, 0, disordered),
    equal(`${name}: listed as unclear`, expectedUnclear, unclear.size),
    equal(
      `${name}: rows, and those sent or decided`,
      `${all}, ${all}`,
      `${rows.length}, ${rows.filter(isClear).length}`,
    ),
  ];
}

const equal = (what: string, expected: unknown, found: unknown): Row => ({
  what,
  expected: String(expected),
  found: String(found),
  ok: String(found) === String(expected),
});

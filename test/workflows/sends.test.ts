import type { Client } from '@temporalio/client';
import { sendWorkflowId } from '../../domain/workflow-ids.ts';
import { createUpstream, lostAnswer, providersWith } from '../messages/sending.ts';
import { eventually } from '../support/eventually.ts';
import { actionsOf, eventsOf, temporalClient, type History } from '../support/history.ts';
import { runSql } from '../support/run-sql.ts';
import { seedMessages } from '../support/seed-messages.ts';
import { startTestStack, type TestStack } from '../support/stack.ts';
import { keep } from './record.ts';

const upstream = createUpstream();
let stack: TestStack;
let client: Client;
let account: string;
beforeAll(async () => {
  [stack, client] = await Promise.all([startTestStack({}, providersWith(upstream)), temporalClient()]);
  const credentials = { phone_number: '+33639981000' };
  const body = { provider: 'wasender', channel: 'whatsapp', owner: 'maya', credentials };
  account = (await stack.api.post('/api/v1/accounts', body)).body.account.id;
  const session = (await stack.api.get(`/api/v1/accounts/${account}`)).body.provider_account_id;
  await stack.control.post('/scan', { session });
  await stack.api.account(account, 'active');
  const rate_limits = { per_minute: null, per_hour: null, per_day: null, spacing_seconds: null };
  await stack.api.patch(`/api/v1/accounts/${account}`, { rate_limits });
});
afterAll(async () => {
  await client?.connection.close();
  await stack?.stop();
});

const query = (sql: string, params: unknown[] = []): Promise<any[]> =>
  stack.db.system((em) => runSql<any>(em, sql, params));
const send = async (text: string): Promise<any> => {
  const body = { account, recipients: ['+33639980001'], text };
  const { status, body: answer } = await stack.api.post('/api/v1/messages', body);
  if (status !== 202) throw new Error(JSON.stringify(answer));
  return answer;
};
const allSent = (count: number): Promise<unknown> =>
  eventually('the messages to be sent', async () => {
    const [row] = await query("select count(*)::int as n from message_sends where state = 'sent'");
    return row.n === count;
  });
async function ended(): Promise<History> {
  const handle = client.workflow.getHandle(sendWorkflowId(account));
  await handle.result();
  return handle.fetchHistory();
}

it('sends a burst of 50 messages in 2 actions', async () => {
  // The first message holds the worker until the others are queued.
  let release = (): void => undefined;
  const queued = new Promise<void>((resolve) => {
    release = resolve;
  });
  upstream.during = () => queued;
  try {
    for (let n = 0; n < 50; n += 1) await send(`Message ${String(n).padStart(2, '0')}`);
  } finally {
    release();
    upstream.during = () => Promise.resolve();
  }
  await allSent(50);
  const texts = upstream.taken.map(({ text }) => text);
  expect(texts).toEqual(texts.toSorted());
  expect(upstream.calls).toBe(50);
  const history = await keep('send-messages', await ended());
  expect(actionsOf(history)).toBeLessThanOrEqual(2);
  expect(eventsOf(history).length).toBeLessThanOrEqual(11);
});

it('tells the provider of 20 changed conversations in the run of a message, for no action more', async () => {
  const chats = await stack.db.system((em) =>
    seedMessages(em, account, (to) =>
      Array.from({ length: 20 }, (_, n) => {
        const one = to.conversation({ unreadCount: 1 });
        to.message(one, { providerMessageId: `ABCDEF${n}` });
        return one.id;
      }),
    ),
  );
  let release = (): void => undefined;
  const changed = new Promise<void>((resolve) => {
    release = resolve;
  });
  upstream.during = () => changed;
  try {
    await send('Before the changes');
    for (const id of chats) await stack.api.patch(`/api/v1/conversations/${id}`, { read: true, pinned: true });
  } finally {
    release();
    upstream.during = () => Promise.resolve();
  }
  await eventually('the provider to be told', async () => {
    const found = await query('select state, count(*)::int as n from conversation_changes group by state order by 1');
    return JSON.stringify(found) === '[{"state":"local","n":20},{"state":"synced","n":20}]';
  });
  expect(upstream.changes.filter((one) => one.startsWith('read '))).toHaveLength(20);
  const history = await ended();
  expect(actionsOf(history)).toBeLessThanOrEqual(2);
  expect(eventsOf(history).length).toBeLessThanOrEqual(11);
});

it('waits in its run for a short while, then looks for what it has no answer for', async () => {
  upstream.plan = [lostAnswer()];
  await send('Lost');
  await allSent(52);
  expect(upstream.taken.filter(({ text }) => text === 'Lost')).toHaveLength(1);
  const history = await keep('send-messages-lost', await ended());
  expect(actionsOf(history)).toBeLessThanOrEqual(4);
});

it('sends what no workflow was started for', async () => {
  // As a process leaves it that dies between its transaction and the start.
  await query("update send_queues set lease = 'starting', lease_until = now() + interval '2 seconds'");
  await send('Forgotten');
  await allSent(53);
});

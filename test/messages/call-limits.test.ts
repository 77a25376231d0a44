import { eventually } from '../support/eventually.ts';
import { runSql } from '../support/run-sql.ts';
import { startTestStack, type TestStack } from '../support/stack.ts';

let stack: TestStack;
beforeAll(async () => {
  stack = await startTestStack();
});
afterAll(() => stack?.stop());

const none = { per_minute: null, per_hour: null, per_day: null, spacing_seconds: null };
const perMinute = 10;

interface Connected {
  id: string;
  upstream: string;
}

async function connect(): Promise<Connected> {
  const body = { provider: 'unipile', channel: 'whatsapp', owner: 'maya' };
  const { id } = (await stack.api.post('/api/v1/accounts', body)).body.account;
  const upstream: string = await eventually(
    'the login to begin',
    async () => (await stack.api.get(`/api/v1/accounts/${id}`)).body.provider_account_id,
  );
  await stack.control.put('/address-book', { account_id: upstream, size: 0, seed: 'nobody' });
  await stack.control.post('/scan', { account_id: upstream });
  await stack.api.account(id, 'active');
  const { status } = await stack.api.patch(`/api/v1/accounts/${id}`, { rate_limits: none });
  expect(status).toBe(200);
  return { id, upstream };
}

const setLimit = async (limit: string): Promise<{ status: number; body: any }> => {
  const { dsn = '', access_token = '' } = stack.config.providers['unipile'] ?? {};
  return stack.api.put('/api/v1/providers/unipile', { dsn, access_token, calls_per_minute: limit });
};

const limitsOf = async ({ id }: Connected): Promise<any> =>
  (await stack.api.get(`/api/v1/accounts/${id}`)).body.provider_config?.rate_limits;

async function send({ id }: Connected, text: string, person = '+33639980777'): Promise<string> {
  const { status, body } = await stack.api.post('/api/v1/messages', { account: id, recipients: [person], text });
  expect(status).toBe(202);
  return body.id;
}
const sendOf = async (id: string): Promise<any> => (await stack.api.get(`/api/v1/messages/${id}`)).body.send;

/** The texts that an account wrote, as the provider has them. */
async function written({ upstream }: Connected): Promise<string[]> {
  const { body } = await stack.provider('GET', `/messages?account_id=${upstream}&limit=100`);
  return body.items.filter((one: any) => one.is_sender === 1).map((one: any) => one.text);
}

it('keeps one limit for all accounts of the same credentials, where a message passes a history that is read', async () => {
  expect((await setLimit('many')).status).toBe(422);
  expect((await setLimit('100000')).status).toBe(200);
  const [one, two] = [await connect(), await connect()];
  await eventually('the details', () => limitsOf(two));
  expect((await setLimit(String(perMinute))).status).toBe(200);
  expect(await Promise.all([one, two].map(limitsOf))).toEqual([
    expect.objectContaining({ calls_per_minute: perMinute }),
    expect.objectContaining({ calls_per_minute: perMinute }),
  ]);

  // A call for each of these conversations: by the limit their messages take longer than half an hour.
  await stack.control.put('/address-book', { account_id: one.upstream, size: 300, seed: 'history' });
  const sync = { kind: 'conversations' };
  const { status, body: run } = await stack.api.post(`/api/v1/accounts/${one.id}/syncs`, sync);
  expect(status).toBe(202);
  await eventually('the history to be read', async () => stack.control.count('GET', '/api/v1/chats'));
  const single = await send(two, 'Beside a history');
  await eventually('the message to be sent', async () => (await sendOf(single)).state === 'sent', 120_000);
  expect((await stack.api.get(`/api/v1/syncs/${run.id}`)).body.state).toBe('running');
  await stack.api.post(`/api/v1/syncs/${run.id}/cancel`);

  // As if other accounts had made every call by now: nothing comes back until then, however slow this machine is.
  expect((await setLimit('2')).status).toBe(200);
  await stack.db.system((em) => runSql(em, "update call_buckets set calls = 0, at = now() + interval '1 day'", []));
  const texts = Array.from({ length: 4 }, (_, n) => `Message ${n}`);
  const messages = await Promise.all(
    [one, two].flatMap((account) => texts.map((text, n) => send(account, text, `+3363998078${n}`))),
  );
  await eventually(
    'the limit to hold messages of both',
    async () => {
      const sends = await Promise.all([messages[0]!, messages[texts.length]!].map(sendOf));
      return sends.every(({ state, waits_for: waitsFor }) => state === 'queued' && waitsFor === 'budget');
    },
    120_000,
  );
  expect([await written(one), await written(two)].flat().filter((text) => texts.includes(text))).toEqual([]);
  expect((await setLimit('60')).status).toBe(200);
  await stack.db.system((em) => runSql(em, 'delete from call_buckets', []));
  await eventually(
    'all of them to be sent',
    async () => {
      await stack.control.post('/clock', { advance_seconds: 20 });
      const sends = await Promise.all(messages.map(sendOf));
      return sends.every(({ state }) => state === 'sent');
    },
    300_000,
  );
  for (const account of [one, two])
    expect((await written(account)).filter((text) => texts.includes(text)).toSorted()).toEqual(texts);
}, 600_000);

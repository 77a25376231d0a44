import { performance } from 'node:perf_hooks';
import { eventually } from '../support/eventually.ts';
import { connectMeta, connectNumber, messageThat, messageWith, personOf, whatsappNumber } from '../support/meta.ts';
import { startTestStack, type TestStack } from '../support/stack.ts';

let stack: TestStack;
beforeAll(async () => {
  stack = await startTestStack();
});
afterEach(() => stack.control.put('/faults', { provider: 'meta' }));
afterAll(() => stack?.stop());

const variant = (name: string, value: unknown) => stack.control.put('/variants', { provider: 'meta', name, value });
const advance = (seconds: number) => stack.control.post('/clock', { advance_seconds: seconds });
const accountOf = async (id: string): Promise<any> => (await stack.api.get(`/api/v1/accounts/${id}`)).body;

/** The next call that sends is answered with this error of the Graph API. */
const failNext = (code: number, subcode?: number, status = 400) =>
  stack.control.put('/faults', {
    provider: 'meta',
    route: 'POST /:node/messages',
    times: 1,
    rate_error: 1,
    error: { code, status, ...(subcode !== undefined && { subcode }) },
  });

let texts = 0;
const newText = (): string => `Message ${(texts += 1)}`;

/** A conversation of an account in which the window is open. */
async function conversationOf(account: any, from = '5557001'): Promise<string> {
  const text = newText();
  await stack.control.post('/messages', { account_id: account.provider_account_id, from, text });
  return (await messageWith(stack.api, account.id, text)).conversation;
}

async function send(conversation: string): Promise<string> {
  const { status, body } = await stack.api.post(`/api/v1/conversations/${conversation}/messages`, { text: newText() });
  expect(status).toBe(202);
  return body.id;
}

/** The message once it is sent; time goes on meanwhile, in steps of so many seconds. */
const sentInTime = (id: string, step: number): Promise<any> =>
  eventually('the message to be sent', async () => {
    const { body } = await stack.api.get(`/api/v1/messages/${id}`);
    if (body.status === 'failed') throw new Error(JSON.stringify(body.send));
    if (body.send.state === 'sent') return body;
    await advance(step);
    return null;
  });

describe('D11: errors of the Graph API, code by code', () => {
  /** The classes of the documentation: what is given up, and with which reason. */
  const givenUp: [code: number, subcode: number | undefined, reason: string][] = [
    [3, undefined, 'permission_missing'],
    [10, undefined, 'permission_missing'],
    [200, undefined, 'permission_missing'],
    [299, undefined, 'permission_missing'],
    [10, 2_018_278, 'window_closed'],
    [10, 2_534_022, 'window_closed'],
    [1_545_041, undefined, 'window_closed'],
    [10, 2_018_300, 'conversation_held'],
    [551, undefined, 'recipient_unreachable'],
    [100, 2_018_001, 'recipient_unreachable'],
    [100, 2_534_014, 'recipient_unreachable'],
    [368, undefined, 'account_restricted'],
    [10, 1_893_063, 'account_restricted'],
    [100, undefined, 'request_refused'],
    [100, 33, 'not_found'],
    [803, undefined, 'not_found'],
  ];
  const ofWhatsapp: [code: number, subcode: number | undefined, reason: string][] = [
    [131_005, undefined, 'permission_missing'],
    [131_047, undefined, 'window_closed'],
    [131_026, undefined, 'recipient_unreachable'],
    [131_048, undefined, 'account_restricted'],
    [131_031, undefined, 'account_restricted'],
    [130_497, undefined, 'account_restricted'],
    [131_042, undefined, 'setup_incomplete'],
    [131_045, undefined, 'setup_incomplete'],
    [133_010, undefined, 'setup_incomplete'],
    [131_037, undefined, 'setup_incomplete'],
    [131_049, undefined, 'message_held_back'],
    [131_050, undefined, 'message_held_back'],
    [130_472, undefined, 'message_held_back'],
    [131_051, undefined, 'request_refused'],
    [131_053, undefined, 'request_refused'],
    [131_062, undefined, 'request_refused'],
    [132_000, undefined, 'template_refused'],
    [132_001, undefined, 'template_refused'],
    [132_005, undefined, 'template_refused'],
    [132_007, undefined, 'template_refused'],
    [132_012, undefined, 'template_refused'],
    [132_015, undefined, 'template_refused'],
    [132_016, undefined, 'template_refused'],
    [131_008, undefined, 'request_refused'],
    [131_009, undefined, 'request_refused'],
    [131_021, undefined, 'request_refused'],
  ];

  it.each([
    ['Messenger', givenUp],
    ['WhatsApp', ofWhatsapp],
  ] as const)(
    'of %s that no repeat mends fail one message, and nothing else',
    async (channel, table) => {
      const account =
        channel === 'WhatsApp'
          ? await connectNumber(stack.api)
          : await connectMeta(stack.api, 'messenger', personOf('plain'));
      const from = channel === 'WhatsApp' ? '+27820000555' : '5557002';
      const conversation = await conversationOf(account, from);
      const seen: [number, number | undefined, string][] = [];
      for (const [code, subcode] of table) {
        // The status of the answer decides nothing.
        await failNext(code, subcode, code % 2 ? 500 : 403);
        const id = await send(conversation);
        seen.push([code, subcode, (await messageThat(stack.api, id, 'failed')).send.reason]);
      }
      expect(seen).toEqual([...table]);
      await messageThat(stack.api, await send(conversation), 'sent');
    },
    180_000,
  );

  it.each([
    [2, undefined],
    [131_000, undefined],
    [131_016, undefined],
    [133_004, undefined],
    [131_057, undefined],
  ])('%i passes: the message is sent with a later try', async (code, subcode) => {
    const account = await connectMeta(stack.api, 'messenger', personOf('plain'));
    const conversation = await conversationOf(account);
    await failNext(code, subcode);
    await sentInTime(await send(conversation), 5);
  });

  it.each([
    [4, undefined],
    [17, undefined],
    [32, undefined],
    [613, undefined],
    [80_001, undefined],
    [80_006, undefined],
    [341, undefined],
  ])('%i is a limit: the message waits, and no try fails it', async (code, subcode) => {
    const account = await connectMeta(stack.api, 'messenger', personOf('plain'));
    const conversation = await conversationOf(account);
    await failNext(code, subcode);
    const id = await send(conversation);
    await eventually('the wait', async () => {
      const { body } = await stack.api.get(`/api/v1/messages/${id}`);
      return body.send.waits_for === 'rate_limited' || body.send.state === 'sent';
    });
    await sentInTime(id, 61);
  });

  it('131056 holds back one person, and no other one', async () => {
    const account = await connectNumber(stack.api);
    const [busy, other] = [
      await conversationOf(account, '+27820000601'),
      await conversationOf(account, '+27820000602'),
    ];
    await failNext(131_056);
    const held = await send(busy);
    await eventually('the refusal', async () => (await stack.api.get(`/api/v1/messages/${held}`)).body.send.tries > 0);
    await messageThat(stack.api, await send(other), 'sent');
    await sentInTime(held, 7);
  });
});

describe('D11: what must be mended by the owner', () => {
  it.each([
    ['expired', 'login_lost'],
    ['password_changed', 'login_lost'],
    ['app_removed', 'login_lost'],
    ['logged_out', 'login_lost'],
    ['role_lost', 'login_lost'],
    ['checkpoint', 'owner_check_required'],
    ['unconfirmed', 'owner_check_required'],
  ])('"%s" asks the owner to reconnect, and messages wait for it', async (status, reason) => {
    const account = await connectMeta(stack.api, 'messenger', personOf('plain'));
    const conversation = await conversationOf(account);
    await stack.control.post('/drop', { account_id: account.provider_account_id, status });
    const id = await send(conversation);
    const lost = await stack.api.account(account.id, 'reconnect_required');
    expect(lost).toMatchObject({ reason, who: 'owner' });
    expect((await stack.api.get(`/api/v1/messages/${id}`)).body.status).not.toBe('failed');
  });

  it('a permission that is withdrawn is named', async () => {
    const account = await connectMeta(stack.api, 'messenger', personOf('plain'));
    const conversation = await conversationOf(account);
    await stack.control.post('/drop', { account_id: account.provider_account_id, status: 'permission_withdrawn' });
    const failed = await messageThat(stack.api, await send(conversation), 'failed');
    expect(failed.send.reason).toBe('permission_missing');
  });
});

describe('D11: usage headers', () => {
  it('at 80 % slow calls down, at 100 % have them wait, and no message fails for it', async () => {
    const account = await connectMeta(stack.api, 'messenger', personOf('plain'));
    const conversation = await conversationOf(account);
    const burst = async (): Promise<number> => {
      const began = performance.now();
      const ids = [];
      for (let n = 0; n < 5; n++) ids.push(await send(conversation));
      for (const id of ids) await messageThat(stack.api, id, 'sent');
      return Math.round(performance.now() - began);
    };
    const usual = await burst();
    const of = { id: account.provider_account_id };
    await variant('business_usage', { percent: 92, minutes: 0, ...of });
    await messageThat(stack.api, await send(conversation), 'sent');
    const slow = await burst();
    process.stdout.write(`5 messages: ${usual} ms, at 92 % of a limit ${slow} ms\n`);
    expect(slow).toBeGreaterThan(usual);

    await variant('business_usage', { percent: 100, minutes: 5, ...of });
    // The answer to this one tells that nothing is left.
    await messageThat(stack.api, await send(conversation), 'sent');
    const waiting = await send(conversation);
    const held = await eventually('the wait', async () => {
      const { body } = await stack.api.get(`/api/v1/messages/${waiting}`);
      return body.send.waits_for === 'rate_limited' ? body : null;
    });
    expect(Date.parse(held.send.waits_until)).toBeGreaterThan(Date.now());
    await variant('business_usage', null);
    await advance(5 * 60 + 30);
    await sentInTime(waiting, 30);
  }, 120_000);

  it('of one account hold back no other one', async () => {
    const [full, free] = [
      await connectMeta(stack.api, 'messenger', personOf('plain')),
      await connectMeta(stack.api, 'messenger', personOf('plain')),
    ];
    const [of, other] = [await conversationOf(full), await conversationOf(free)];
    await variant('business_usage', { percent: 100, minutes: 10, id: full.provider_account_id });
    await messageThat(stack.api, await send(of), 'sent');
    const held = await send(of);
    await messageThat(stack.api, await send(other), 'sent');
    expect((await stack.api.get(`/api/v1/messages/${held}`)).body.send.state).toBe('queued');
    await variant('business_usage', null);
    await advance(10 * 60 + 30);
    await sentInTime(held, 30);
  });
});

it('D11: WhatsApp says in a status why a message did not arrive', async () => {
  const account = await connectNumber(stack.api);
  const conversation = await conversationOf(account, '+27820000700');
  const id = await send(conversation);
  const { provider_message_id: message_id } = await messageThat(stack.api, id, 'sent');
  const error = { code: 131_026, title: 'Message undeliverable' };
  const { phone_number_id: account_id } = whatsappNumber;
  await stack.control.post('/receipts', { account_id, message_id, status: 'failed', error });
  const failed = await messageThat(stack.api, id, 'failed');
  expect(failed.failure).toMatchObject({ reason: 'recipient_unreachable' });
  expect((await accountOf(account.id)).state).toBe('active');
});

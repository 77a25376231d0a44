import type { Channel } from '../../../domain/channels.ts';
import type { LoginProgress, ProviderCall } from '../../../providers/provider.ts';
import { unipile } from '../../../providers/unipile/index.ts';
import { startTestSandbox, type TestSandbox } from '../../sandbox/test-sandbox.ts';
import { callTo, failureOf, inputFor, openStep, qr } from './peer.ts';

const { login, account } = unipile;
let world: TestSandbox;
beforeAll(async () => {
  world = await startTestSandbox();
});
beforeEach(() => world.control('POST', '/reset'));
afterAll(() => world?.close());

const variant = (name: string, value: unknown) =>
  world.control('PUT', '/variants', { provider: 'unipile', name, value });
const call = (channel: Channel = 'linkedin', providerAccountId: string | null = null): ProviderCall =>
  callTo(world.unipileUrl, { channel, providerAccountId });
const begin = (scenario: string, channel: Channel = 'linkedin') =>
  login.begin(call(channel), inputFor(channel, `${scenario}@provider.example`));
const kindOf = (progress: LoginProgress) => (progress.next.linked ? 'linked' : progress.next.content.kind);

/** A login at its first step, and what can be done there. */
async function at(scenario: string, channel: Channel = 'linkedin') {
  const begun = await begin(scenario, channel);
  const here = call(channel, begun.providerAccountId);
  const { content } = openStep(begun);
  return {
    begun,
    here,
    content,
    answer: (text: string) => login.answer(here, content, text),
    status: () => login.check(here).then(({ status }) => status),
  };
}

describe('A3: a login by credentials', () => {
  it.each(['linkedin', 'instagram', 'messenger', 'mail'] as const)('of %s links at once', async (channel) => {
    const begun = await begin('plain', channel);
    expect(begun.next.linked).toBe(true);
    const view = await login.check(call(channel, begun.providerAccountId));
    expect(view).toMatchObject({ status: 'linked', reported: 'OK', identity: expect.any(String) });
  });

  it('by cookie links too', async () => {
    const input = { method: 'credentials', credentials: { access_token: 'li_at', user_agent: 'Mozilla' } } as const;
    expect((await login.begin(call(), input)).next.linked).toBe(true);
  });

  it('names wrong credentials, and leaves nothing behind', async () => {
    expect(await failureOf(begin('wrong-password'))).toMatchObject({ code: 'wrong_credentials', effect: 'none' });
    expect((await world.unipile('GET', '/accounts')).body.items).toEqual([]);
  });

  it('waits for another login of the same identity', async () => {
    await begin('2fa');
    expect(await failureOf(begin('2fa'))).toMatchObject({ code: 'login_busy', effect: 'none' });
  });

  it('names a wrong key, which is not the owner’s to mend', async () => {
    const settings = { dsn: world.unipileUrl, access_token: 'wrong' };
    const failure = failureOf(login.begin({ ...call(), settings }, inputFor('linkedin', 'ada')));
    expect(await failure).toMatchObject({ code: 'provider_key_rejected' });
  });
});

describe.each(['linkedin', 'instagram', 'messenger'] as const)('A4: the checkpoints of %s', (channel) => {
  it.each([
    ['2fa', { kind: 'code', source: 'sms' }, '123456'],
    ['otp', { kind: 'code', source: 'unknown' }, ' 123456 '],
    ['phone', { kind: 'phone' }, '+33 6 39 98 01 00'],
    ['captcha', { kind: 'captcha', publicKey: expect.any(String), data: expect.any(String) }, '123456'],
    ['contract', { kind: 'choose', options: expect.any(Array) }, 'contract-us'],
  ])('%s: a wrong answer is refused, and the right one taken after it', async (scenario, content, right) => {
    const step = await at(scenario, channel);
    expect(step.content).toEqual(content);
    expect(await step.status()).toBe('pending');
    for (let n = 0; n < 2; n += 1)
      expect(await failureOf(step.answer('999'))).toMatchObject({ code: 'wrong_answer', effect: 'none' });
    const progress = await step.answer(right);
    expect(progress).toEqual({ providerAccountId: step.here.providerAccountId, next: { linked: true } });
    expect(await step.status()).toBe('linked');
  });

  it('two: the answer of one leads to the other', async () => {
    const step = await at('two', channel);
    const { content } = openStep(await step.answer('123456'));
    if (content.kind !== 'choose') throw new Error('no choice');
    expect(content.options).toContainEqual({ id: 'contract-emea', label: 'Recruiter EMEA' });
    expect(kindOf(await login.answer(step.here, content, 'contract-emea'))).toBe('linked');
  });
});

describe('A4: what else can be done at a checkpoint', () => {
  it.each(['approve', 'captcha'])('%s ends on the device, and is seen by looking', async (scenario) => {
    const step = await at(scenario);
    expect(await step.status()).toBe('pending');
    await world.control('POST', '/approve', { account_id: step.here.providerAccountId ?? '' });
    expect(await step.status()).toBe('linked');
  });

  it.each(['resend', 'checkpoint'])('a code is sent again, as the answer %s says', async (value) => {
    await variant('resend_answer', value);
    for (const scenario of ['2fa', 'otp', 'approve']) {
      const step = await at(scenario);
      expect(openStep(step.begun).canResend).toBe(true);
      expect(await login.resend(step.here)).toBeNull();
    }
  });

  it('what cannot be sent again is refused without ending the login', async () => {
    const step = await at('captcha');
    expect(openStep(step.begun).canResend).toBe(false);
    expect(await failureOf(login.resend(step.here))).toMatchObject({ code: 'request_refused', effect: 'none' });
    expect(kindOf(await step.answer('123456'))).toBe('linked');
  });

  it('another way leads round: by SMS, by app, by approval', async () => {
    const step = await at('2fa');
    const ways = [];
    for (let n = 0; n < 3; n += 1) ways.push(openStep(await login.anotherWay(step.here)).content);
    expect(ways).toEqual([{ kind: 'code', source: 'app' }, { kind: 'approve' }, { kind: 'code', source: 'sms' }]);
    expect(kindOf(await step.answer('123456'))).toBe('linked');
  });

  it('where there is no other way the present one still counts', async () => {
    const step = await at('phone');
    expect(openStep(step.begun).canTryAnotherWay).toBe(false);
    expect((await failureOf(login.anotherWay(step.here))).code).toBe('checkpoint_refused');
    expect(kindOf(await step.answer('+33639980100'))).toBe('linked');
  });

  it('after five minutes every answer is too late', async () => {
    const step = await at('2fa');
    await world.control('POST', '/clock', { advance_seconds: 301 });
    expect((await failureOf(step.answer('123456'))).code).toBe('checkpoint_expired');
    expect((await failureOf(login.anotherWay(step.here))).code).toBe('checkpoint_expired');
    expect((await failureOf(login.resend(step.here))).code).toBe('checkpoint_expired');
  });
});

describe('A1: a QR code', () => {
  const scan = (account_id: string | null, phone?: string) => world.control('POST', '/scan', { account_id, phone });

  it.each(['digits', 'plus'])('links WhatsApp by a scan, the number written in %s', async (value) => {
    await variant('whatsapp_phone', value);
    const begun = await login.begin(call('whatsapp'), qr);
    const step = openStep(begun);
    expect(step.content).toEqual({ kind: 'qr', text: expect.stringContaining('@') });
    const here = call('whatsapp', begun.providerAccountId);
    expect((await login.check(here)).status).toBe('pending');
    await scan(begun.providerAccountId, '+33639980100');
    const view = await login.check(here);
    expect(view).toMatchObject({ status: 'linked', identity: '+33639980100', createdAt: expect.any(Number) });
    const { connection_config: connection } = await account.details(here, view);
    expect(connection).toMatchObject({ phone_number: '+33639980100', messaging_status: 'OK' });
  });

  it('links Telegram by a scan', async () => {
    const { providerAccountId } = await login.begin(call('telegram'), qr);
    await scan(providerAccountId);
    expect(await login.check(call('telegram', providerAccountId))).toMatchObject({
      status: 'linked',
      identity: expect.stringMatching(/^\d+$/),
    });
  });

  it('that lapsed is followed by another one of the same account', async () => {
    const first = await login.begin(call('whatsapp'), qr);
    const lifetime = (openStep(first).expiresAt ?? 0) - Date.now();
    expect(lifetime).toBeGreaterThan(50_000);
    await world.control('POST', '/clock', { advance_seconds: 61 });
    const second = await login.begin(call('whatsapp', first.providerAccountId), qr);
    expect(second.providerAccountId).toBe(first.providerAccountId);
    expect(openStep(second).content).not.toEqual(openStep(first).content);
    expect((await scan(first.providerAccountId)).status).toBe(200);
  });

  it('nobody scanned may be unknown to the provider until somebody does', async () => {
    await variant('unscanned_account', 'not_found');
    const { providerAccountId } = await login.begin(call('whatsapp'), qr);
    const here = call('whatsapp', providerAccountId);
    expect((await login.check(here)).status).toBe('not_found');
    await scan(providerAccountId);
    expect((await login.check(here)).status).toBe('linked');
  });

  it('of an account that no longer exists cannot be had', async () => {
    const { providerAccountId } = await login.begin(call('whatsapp'), qr);
    await login.revoke(call('whatsapp', providerAccountId));
    expect((await failureOf(login.begin(call('whatsapp', providerAccountId), qr))).code).toBe('not_found');
  });
});

describe('A5: a reconnection', () => {
  it('by QR keeps the account and its number', async () => {
    const id = await world.whatsapp('+33639980100');
    const here = call('whatsapp', id);
    await world.control('POST', '/drop', { account_id: id, status: 'CREDENTIALS' });
    expect(await login.check(here)).toMatchObject({ status: 'login_lost', reported: 'CREDENTIALS' });
    expect((await login.begin(here, qr)).providerAccountId).toBe(id);
    expect((await login.check(here)).status).toBe('login_lost');
    await world.control('POST', '/scan', { account_id: id });
    expect(await login.check(here)).toMatchObject({ status: 'linked', identity: '+33639980100' });
  });

  it.each(['linkedin', 'mail'] as const)('of %s takes the same credentials again', async (channel) => {
    const { providerAccountId } = await begin('plain', channel);
    await world.control('POST', '/drop', { account_id: providerAccountId, status: 'CREDENTIALS' });
    const again = await login.begin(call(channel, providerAccountId), inputFor(channel, 'plain@provider.example'));
    expect(again).toEqual({ providerAccountId, next: { linked: true } });
  });

  it('goes through checkpoints like a first login', async () => {
    const step = await at('2fa');
    await step.answer('123456');
    const again = await login.begin(step.here, inputFor('linkedin', '2fa@provider.example'));
    expect(again.providerAccountId).toBe(step.here.providerAccountId);
    expect(kindOf(await login.answer(step.here, openStep(again).content, '123456'))).toBe('linked');
  });

  it('as somebody else is refused', async () => {
    const { providerAccountId } = await begin('plain');
    const other = login.begin(call('linkedin', providerAccountId), inputFor('linkedin', 'other@provider.example'));
    expect((await failureOf(other)).code).toBe('another_identity');
  });
});

describe('what needs no owner', () => {
  it.each([
    ['OK', 'linked', true],
    ['CONNECTING', 'degraded', true],
    ['ERROR', 'needs_restart', true],
    ['STOPPED', 'needs_restart', true],
    ['CREDENTIALS', 'login_lost', false],
  ])('%s is %s, and a restart mends it: %s', async (status, seen, mends) => {
    const { providerAccountId } = await begin('plain');
    const here = call('linkedin', providerAccountId);
    await world.control('POST', '/drop', { account_id: providerAccountId, status });
    expect((await login.check(here)).status).toBe(seen);
    expect(await login.restore(here)).toBe(mends);
    expect((await login.check(here)).status).toBe(mends ? 'linked' : seen);
  });

  it('says when there is nothing to restart', async () =>
    expect(await login.restore(call('linkedin', 'unknown'))).toBe(false));
});

describe('A6: the end of a login', () => {
  it('is the same when it comes twice, and however the account was lost', async () => {
    const id = await world.whatsapp();
    await login.revoke(call('whatsapp', id));
    await login.revoke(call('whatsapp', id));
    expect(await login.check(call('whatsapp', id))).toMatchObject({ status: 'not_found', raw: null });
    await login.revoke(call('whatsapp', 'never-was'));
  });

  it('of which the answer was lost is made sure by asking again', async () => {
    const id = await world.whatsapp();
    await world.control('PUT', '/faults', { provider: 'unipile', after_effect: 1, times: 1 });
    expect(await failureOf(login.revoke(call('whatsapp', id)))).toMatchObject({ effect: 'unknown' });
    await login.revoke(call('whatsapp', id));
    expect((await login.check(call('whatsapp', id))).status).toBe('not_found');
  });
});

describe('P6: faults of the provider', () => {
  it('say whether anything can have happened', async () => {
    const fault = (rule: object) => world.control('PUT', '/faults', { provider: 'unipile', ...rule });
    await fault({ rate_429: 1 });
    expect(await failureOf(begin('plain'))).toMatchObject({ code: 'rate_limited', effect: 'none' });
    await fault({ rate_500: 1 });
    expect(await failureOf(begin('plain'))).toMatchObject({ code: 'provider_unavailable', effect: 'unknown' });
    await fault({ timeout: 1 });
    const hasty = { ...call(), signal: AbortSignal.timeout(200) };
    const failure = await failureOf(login.begin(hasty, inputFor('linkedin', 'ada')));
    expect(failure).toMatchObject({ code: 'provider_unavailable', effect: 'unknown' });
    await fault({});
    expect((await world.unipile('GET', '/accounts')).body.items).toEqual([]);
  });

  it('tell how long to wait, where the provider does', async () => {
    await variant('rate_limit_per_minute', 1);
    await variant('retry_after_seconds', 17);
    await begin('plain');
    expect(await failureOf(begin('other'))).toMatchObject({ code: 'rate_limited', retryAfterMs: 17_000 });
  });
});

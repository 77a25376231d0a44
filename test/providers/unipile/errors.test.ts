import fc from 'fast-check';
import { failures, type FailureCode } from '../../../domain/failures.ts';
import { unipile } from '../../../providers/unipile/index.ts';
import type { ProviderCall } from '../../../providers/provider.ts';
import { callTo, failureOf, inputFor, startPeer, type Peer } from './peer.ts';

let peer: Peer;
beforeAll(async () => {
  peer = await startPeer();
});
afterAll(() => peer?.close());

const call = (change: Partial<ProviderCall> = {}): ProviderCall => callTo(peer.dsn, change);
const input = inputFor('linkedin', 'canary-user');
const error = (status: number, type: string) => ({ title: 'T', type, status, detail: 'canary-pass canary-user' });

describe("the contract's errors by their slug, with and without its prefix", () => {
  const table: [number, FailureCode, string][] = [
    [
      400,
      'request_refused',
      'invalid_parameters missing_parameters invalid_request malformed_request content_too_large invalid_url too_many_characters unescaped_characters limit_too_high invalid_action invalid_label invalid_body',
    ],
    [
      401,
      'wrong_credentials',
      'invalid_credentials invalid_imap_configuration invalid_smtp_configuration invalid_credentials_but_valid_account_imap',
    ],
    [401, 'provider_key_rejected', 'missing_credentials insufficient_privileges missing_api_key invalid_api_key'],
    [401, 'login_lost', 'expired_credentials multiple_sessions disconnected_account disconnected_feature'],
    [401, 'another_identity', 'wrong_account'],
    [401, 'proxy_refused', 'invalid_proxy_credentials'],
    [401, 'wrong_answer', 'invalid_checkpoint_solution'],
    [401, 'checkpoint_refused', 'checkpoint_error captcha_not_supported'],
    [401, 'checkpoint_expired', 'expired_link'],
    [403, 'account_restricted', 'account_restricted'],
    [403, 'another_identity', 'account_mismatch'],
    [403, 'plan_required', 'insufficient_permissions feature_not_subscribed connection_limit_reached'],
    [403, 'checkpoint_expired', 'session_mismatch unknown_authentication_context'],
    [403, 'request_refused', 'resource_access_restricted'],
    [404, 'not_found', 'resource_not_found invalid_resource_identifier'],
    [408, 'provider_unavailable', 'request_timeout'],
    [415, 'request_refused', 'unsupported_media_type'],
    [
      422,
      'request_refused',
      'invalid_account invalid_recipient no_connection_with_recipient blocked_recipient user_unreachable unprocessable_entity payment_error action_already_performed invalid_message invalid_post not_allowed_inmail insufficient_credits cannot_resend_yet cannot_resend_within_24hrs limit_exceeded already_invited_recently already_connected cannot_invite_attendee',
    ],
    [425, 'login_busy', 'auth_in_progress'],
    [429, 'rate_limited', 'too_many_requests'],
    [500, 'provider_unavailable', 'unexpected_error provider_error'],
    [500, 'checkpoint_expired', 'authentication_intent_error'],
    [501, 'unsupported', 'feature_not_implemented'],
    [502, 'proxy_refused', 'proxy_error'],
    [503, 'provider_unavailable', 'no_client_session no_channel no_handler network_down service_unavailable'],
    [504, 'provider_unavailable', 'request_timeout'],
  ];
  const rows = table.flatMap(([status, code, slugs]) =>
    slugs.split(' ').map((slug): [number, string, FailureCode] => [status, slug, code]),
  );

  it.each(rows)('%s errors/%s is %s', async (status, slug, code) => {
    for (const type of [`errors/${slug}`, slug]) {
      peer.says(status, error(status, type));
      expect(await failureOf(unipile.login.begin(call(), input))).toMatchObject({ code });
    }
  });

  it.each(['constructor', '__proto__', 'hasownproperty'])('is not led astray by a slug named %s', async (slug) => {
    peer.says(422, error(422, `errors/${slug}`));
    expect((await failureOf(unipile.login.begin(call(), input))).code).toBe('request_refused');
  });
});

describe('errors by their status, when the slug is new or there is none', () => {
  it.each([
    [301, 'provider_unavailable', 'none'],
    [400, 'request_refused', 'none'],
    [401, 'wrong_credentials', 'none'],
    [402, 'request_refused', 'none'],
    [403, 'request_refused', 'none'],
    [407, 'proxy_refused', 'none'],
    [408, 'provider_unavailable', 'unknown'],
    [409, 'provider_unavailable', 'unknown'],
    [415, 'request_refused', 'none'],
    [422, 'request_refused', 'none'],
    [425, 'login_busy', 'none'],
    [429, 'rate_limited', 'none'],
    [500, 'provider_unavailable', 'unknown'],
    [501, 'unsupported', 'unknown'],
    [502, 'provider_unavailable', 'unknown'],
    [503, 'provider_unavailable', 'unknown'],
    [504, 'provider_unavailable', 'unknown'],
    [599, 'provider_unavailable', 'unknown'],
  ])('%s is %s, its effect %s', async (status, code, effect) => {
    peer.says(status, error(status, 'errors/made_up_today'));
    expect(await failureOf(unipile.login.begin(call(), input))).toMatchObject({ code, effect });
    const foreign = status === 429 ? 'rate_limited' : 'provider_unavailable';
    for (const body of ['<html>oops canary-pass</html>', '', 'null', '[]', { message: 'Forbidden by the proxy' }]) {
      peer.says(status, body);
      expect(await failureOf(unipile.login.begin(call(), input))).toMatchObject({ code: foreign, effect });
    }
  });

  it('leaves nothing open after a read', async () => {
    peer.says(500, '');
    expect(await failureOf(unipile.login.check(call()))).toMatchObject({ effect: 'none' });
  });
});

describe('401 on a call that carries nobody’s password', () => {
  it.each(['errors/made_up_today', 'errors/invalid_credentials', ''])('blames the key: %s', async (type) => {
    peer.says(401, error(401, type));
    for (const work of [unipile.login.check(call()), unipile.login.restore(call()), unipile.login.revoke(call())])
      expect((await failureOf(work)).code).toBe('provider_key_rejected');
  });

  it('but not when it says that the account lost its login', async () => {
    peer.says(401, error(401, 'errors/disconnected_account'));
    expect((await failureOf(unipile.login.restore(call()))).code).toBe('login_lost');
  });
});

describe('404', () => {
  const views = () => unipile.login.check(call()).then(({ status }) => status);

  it.each(['errors/resource_not_found', 'errors/made_up_today'])('%s means that the account is gone', async (type) => {
    peer.says(404, error(404, type));
    expect(await views()).toBe('not_found');
    await unipile.login.revoke(call());
    expect(await unipile.login.restore(call())).toBe(false);
  });

  it.each(['<html>no such site</html>', '', 'null'])('of something else does not: %s', async (body) => {
    peer.says(404, body);
    expect((await failureOf(views())).code).toBe('provider_unavailable');
    expect((await failureOf(unipile.login.revoke(call()))).code).toBe('provider_unavailable');
  });

  it('of an unknown path does not either, and nothing is restarted by a UniPile that cannot', async () => {
    peer.says(404, { statusCode: 404, message: 'Cannot POST', error: 'Not Found' });
    expect((await failureOf(views())).code).toBe('unsupported');
    expect(await unipile.login.restore(call())).toBe(false);
  });
});

describe('an answer that never came', () => {
  it('had no effect when nobody listens', async () => {
    const closed = await startPeer();
    closed.close();
    const failure = await failureOf(unipile.login.begin(callTo(closed.dsn), input));
    expect(failure).toMatchObject({ code: 'provider_unavailable', effect: 'none' });
  });

  it('may have had one when the connection broke', async () => {
    peer.answer = (response) => response.destroy();
    const failure = await failureOf(unipile.login.begin(call(), input));
    expect(failure).toMatchObject({ code: 'provider_unavailable', effect: 'unknown' });
  });

  it('may have had one when the caller stopped waiting', async () => {
    const patience = new AbortController();
    peer.answer = () => patience.abort();
    const failure = await failureOf(unipile.login.begin(call({ signal: patience.signal }), input));
    expect(failure).toMatchObject({ code: 'provider_unavailable', effect: 'unknown' });
    expect(failure.message).not.toMatch(/canary/);
  });
});

describe('Retry-After', () => {
  const told = async (header?: string): Promise<number | undefined> => {
    peer.says(429, error(429, 'errors/too_many_requests'), header === undefined ? {} : { 'retry-after': header });
    const failure = await failureOf(unipile.login.check(call()));
    expect(failure.code).toBe('rate_limited');
    return failure.retryAfterMs;
  };

  it.each([
    ['7', 7_000],
    ['0.5', 500],
    ['0', 0],
    ['-5', 0],
    ['999999', 3_600_000],
    ['soon', undefined],
    ['', undefined],
    [undefined, undefined],
    ['Thu, 01 Jan 2015 00:00:00 GMT', 0],
    ['Fri, 01 Jan 2999 00:00:00 GMT', 3_600_000],
  ])('of %j is waited for, up to an hour', async (header, ms) => expect(await told(header)).toBe(ms));
});

it('keeps nothing of what was sent or answered, whatever the answer is', async () => {
  const text = fc.string().map((noise) => `canary-pass ${noise} canary-user sandbox-key`);
  const type = fc.oneof(text, fc.constantFrom('errors/too_many_requests', 'errors/made_up_today'));
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 300, max: 599 }), type, text, async (status, slug, detail) => {
      peer.says(status, { type: slug, title: detail, detail, status });
      const failure = await failureOf(unipile.login.begin(call(), input));
      expect(failures).toHaveProperty(failure.code);
      expect(`${failure.message} ${failure.stack} ${JSON.stringify(failure)}`).not.toMatch(/canary|sandbox-key/);
      expect(failure.cause).toBeUndefined();
    }),
    { numRuns: 60 },
  );
});

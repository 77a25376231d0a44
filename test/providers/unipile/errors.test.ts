import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import fc from 'fast-check';
import { failures, ProviderFailure } from '../../../domain/failures.ts';
import { unipile } from '../../../providers/unipile/unipile.ts';
import type { ProviderCall } from '../../../providers/provider.ts';

/** UniPile at its worst: answers what the test says. */
let server: Server;
let answer: (response: ServerResponse) => void;
beforeAll(async () => {
  server = createServer((request, response) => {
    request.resume();
    answer(response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
});
afterAll(() => {
  server.closeAllConnections();
  server.close();
});

const call = (dsn = `http://127.0.0.1:${(server.address() as AddressInfo).port}`): ProviderCall => ({
  settings: { dsn, access_token: 'the-token' },
  channel: 'linkedin',
  providerAccountId: 'acc',
  now: Date.now(),
});
const input = { method: 'credentials', credentials: { username: 'canary-user', password: 'canary-pass' } } as const;
const failureOf = async (work: Promise<unknown>): Promise<ProviderFailure> => {
  const error = await work.then(
    () => null,
    (reason: unknown) => reason,
  );
  if (!(error instanceof ProviderFailure)) throw new Error('no failure', { cause: error });
  return error;
};
const says = (status: number, body: unknown, headers: Record<string, string> = {}) => {
  answer = (response) => {
    response.writeHead(status, { 'content-type': 'application/json', ...headers });
    response.end(typeof body === 'string' ? body : JSON.stringify(body));
  };
};
const error = (status: number, slug: string) => ({ title: 'T', type: slug, status, detail: 'canary-pass canary-user' });

describe('errors by their slug, whatever the status', () => {
  it.each([
    [401, 'invalid_credentials', 'wrong_credentials'],
    [401, 'invalid_imap_configuration', 'wrong_credentials'],
    [401, 'disconnected_account', 'login_lost'],
    [401, 'expired_credentials', 'login_lost'],
    [401, 'multiple_sessions', 'login_lost'],
    [401, 'invalid_checkpoint_solution', 'wrong_answer'],
    [401, 'missing_credentials', 'provider_key_rejected'],
    [401, 'invalid_proxy_credentials', 'proxy_refused'],
    [401, 'wrong_account', 'another_identity'],
    [403, 'account_restricted', 'account_restricted'],
    [403, 'feature_not_subscribed', 'plan_required'],
    [403, 'unknown_authentication_context', 'checkpoint_expired'],
    [404, 'resource_not_found', 'not_found'],
    [425, 'auth_in_progress', 'login_busy'],
    [429, 'too_many_requests', 'rate_limited'],
    [500, 'authentication_intent_error', 'checkpoint_expired'],
    [501, 'feature_not_implemented', 'unsupported'],
    [502, 'proxy_error', 'proxy_refused'],
  ])('%s errors/%s is %s', async (status, slug, code) => {
    for (const type of [`errors/${slug}`, slug]) {
      says(status, error(status, type));
      expect((await failureOf(unipile.login.begin(call(), input))).code).toBe(code);
    }
  });
});

describe('errors by their status, when the slug is new or there is none', () => {
  it.each([
    [301, 'provider_unavailable', 'none'],
    [400, 'request_refused', 'none'],
    [401, 'wrong_credentials', 'none'],
    [403, 'request_refused', 'none'],
    [407, 'proxy_refused', 'none'],
    [408, 'provider_unavailable', 'unknown'],
    [409, 'provider_unavailable', 'unknown'],
    [422, 'request_refused', 'none'],
    [500, 'provider_unavailable', 'unknown'],
    [503, 'provider_unavailable', 'unknown'],
    [504, 'provider_unavailable', 'unknown'],
  ])('%s is %s, its effect %s', async (status, code, effect) => {
    for (const body of [error(status, 'errors/made_up_today'), '<html>oops canary-pass</html>', '', 'null', '[]']) {
      says(status, body);
      expect(await failureOf(unipile.login.begin(call(), input))).toMatchObject({ code, effect });
    }
  });

  it('leaves nothing open after a read', async () => {
    says(500, '');
    expect(await failureOf(unipile.login.look(call()))).toMatchObject({ effect: 'none' });
  });
});

describe('an answer that never came', () => {
  it('had no effect when nobody listens', async () => {
    const failure = await failureOf(unipile.login.begin(call('http://127.0.0.1:1'), input));
    expect(failure).toMatchObject({ code: 'provider_unavailable', effect: 'none' });
  });

  it('may have had one when the connection broke', async () => {
    answer = (response) => response.destroy();
    const failure = await failureOf(unipile.login.begin(call(), input));
    expect(failure).toMatchObject({ code: 'provider_unavailable', effect: 'unknown' });
  });

  it.each(['', 'null', '[]', '{}', '"x"', '{"object":"Checkpoint"}', '<html></html>'])(
    'or was in an unknown shape: %s',
    async (body) => {
      says(201, body);
      const failure = await failureOf(unipile.login.begin(call(), input));
      expect(failure).toMatchObject({ code: 'provider_unavailable', effect: 'unknown' });
    },
  );
});

it.each([
  ['7', 7_000],
  ['0', 0],
  ['-5', 0],
  ['999999', 3_600_000],
  ['soon', undefined],
])('waits as long as Retry-After says: %s', async (header, ms) => {
  says(429, error(429, 'errors/too_many_requests'), { 'retry-after': header });
  expect((await failureOf(unipile.login.look(call()))).retryAfterMs).toBe(ms);
});

it('keeps nothing of what was sent or answered, whatever the answer is', async () => {
  const text = fc.string().map((noise) => `canary-pass ${noise} canary-user the-token`);
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 300, max: 599 }), text, text, async (status, type, detail) => {
      says(status, { type, title: detail, detail, status });
      const failure = await failureOf(unipile.login.begin(call(), input));
      expect(failures).toHaveProperty(failure.code);
      expect(`${failure.message} ${failure.stack} ${JSON.stringify(failure)}`).not.toMatch(/canary|the-token/);
      expect(failure.cause).toBeUndefined();
    }),
    { numRuns: 60 },
  );
});

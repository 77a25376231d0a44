import fc from 'fast-check';
import { failureRow, type FailureCode } from '../../../domain/failures.ts';
import { failureOf as failureIn, isGraphError } from '../../../providers/meta/errors.ts';
import { graph } from '../../../providers/meta/client.ts';
import type { HttpAnswer } from '../../../providers/shared/http.ts';
import { failureOf, startPeer, type Peer } from '../unipile/peer.ts';
import { callTo } from './calls.ts';

const now = Date.UTC(2026, 10, 20);
const asked = { lost: 'unknown', by: 'account', now } as const;

const answerOf = (error: object, status = 400, headers: HttpAnswer['headers'] = {}): HttpAnswer => ({
  status,
  headers,
  data: { error: { message: 'canary-name canary-token', type: 'OAuthException', fbtrace_id: 'A1', ...error } },
});

/** An error as Meta writes it: `190/463` is code and subcode. */
const numbersOf = (name: string): { code: number; error_subcode?: number } => {
  const [code = 0, subcode] = name.split('/').map(Number);
  return subcode === undefined ? { code } : { code, error_subcode: subcode };
};

type Who = ReturnType<typeof failureRow>['who'];
type Action = ReturnType<typeof failureRow>['action'];

/** The table of Meta's errors: what each is to us, what follows, and who must act. */
const table: [errors: string, code: FailureCode, action: Action, who: Who][] = [
  ['0 102 190 190/463 190/467 190/458 190/460 190/492 190/999', 'login_lost', 'reconnect', 'owner'],
  ['190/459 190/464', 'owner_check_required', 'reconnect', 'owner'],
  ['3 10 10/1 200 210 299 131005', 'permission_missing', 'reconnect', 'owner'],
  ['10/2018278 10/2534022 1545041 131047', 'window_closed', 'give_up', 'operator'],
  ['10/2018300', 'conversation_held', 'give_up', 'operator'],
  ['551 551/1545041 131026 100/2018001 100/2534014', 'recipient_unreachable', 'give_up', 'nobody'],
  [
    '4 17 17/2446079 32 613 613/1996 80000 80001 80002 80003 80004 80005 80006 80007 80008 80009 80014 341 130429 133016',
    'rate_limited',
    'wait',
    'nobody',
  ],
  ['131056', 'recipient_busy', 'retry', 'nobody'],
  ['131048 131064 368 130497 131031 10/1893063', 'account_restricted', 'give_up', 'owner'],
  ['1 2 131000 131016 133004 131057', 'provider_unavailable', 'retry', 'nobody'],
  ['131042 131045 133010 131037', 'setup_incomplete', 'give_up', 'owner'],
  ['131049 131050 130472', 'message_held_back', 'give_up', 'nobody'],
  ['131051 131052 131053 131062', 'request_refused', 'give_up', 'operator'],
  ['132000 132001 132005 132007 132012 132015 132016 132018', 'template_refused', 'give_up', 'operator'],
  ['131008 131009 100 131021 135000 131059', 'request_refused', 'give_up', 'operator'],
  ['33 100/33 803 2018218', 'not_found', 'give_up', 'nobody'],
  ['2593107 2593108 2593109 230 2500', 'request_refused', 'give_up', 'operator'],
  ['104', 'provider_key_rejected', 'give_up', 'operator'],
];

describe('D11: the table of errors, code by code', () => {
  const rows = table.flatMap(([errors, ...rest]) =>
    errors.split(' ').map((name): [string, FailureCode, Action, Who] => [name, ...rest]),
  );

  it.each(rows)('%s is %s: %s, to be mended by %s', (name, code, action, who) => {
    const numbers = numbersOf(name);
    // Statuses differ between Meta's pages: none decides.
    for (const status of [400, 401, 403, 404, 422, 429, 500, 503]) {
      const failure = failureIn(answerOf(numbers, status), asked);
      expect(failure).toMatchObject({ code });
      expect(failure?.message).not.toMatch(/canary/);
    }
    expect(failureRow(code)).toMatchObject({ action, who });
  });

  it.each(rows)('%s written as text means the same', (name, code) => {
    const { code: number, error_subcode: subcode } = numbersOf(name);
    const written = { code: String(number), ...(subcode !== undefined && { error_subcode: String(subcode) }) };
    expect(failureIn(answerOf(written), asked)).toMatchObject({ code });
  });

  it('says in our words what the owner must do', () => {
    const said = (name: string) => failureIn(answerOf(numbersOf(name)), asked)?.message;
    expect(said('190/459')).toBe('Meta answered error 190, subcode 459: the owner must pass a check at facebook.com.');
    expect(said('190/492')).toMatch(/a person with that role must reconnect/);
    expect(said('131050')).toMatch(/the person stopped marketing messages/);
  });

  it('leaves open only what may have happened', () => {
    const effect = (numbers: object, status = 500) => failureIn(answerOf(numbers, status), asked)?.effect;
    for (const code of [1, 2, 131_000]) expect(effect({ code })).toBe('unknown');
    expect(effect({ code: 123_456, is_transient: true })).toBe('unknown');
    for (const code of [100, 190, 4, 131_016]) expect(effect({ code })).toBe('none');
    expect(failureIn(answerOf({ code: 1 }), { ...asked, lost: 'none' })?.effect).toBe('none');
  });
});

describe('errors that the table does not name', () => {
  it('pass where Meta says so', () => {
    const code = (more: object) => failureIn(answerOf(more), asked)?.code;
    expect(code({ code: 100, is_transient: true })).toBe('provider_unavailable');
    expect(code({ code: 7_777, is_transient: true })).toBe('provider_unavailable');
    // What to do is known of these.
    expect(code({ code: 190, is_transient: true })).toBe('login_lost');
    expect(code({ code: 4, is_transient: true })).toBe('rate_limited');
  });

  it.each([
    [400, 'request_refused'],
    [403, 'request_refused'],
    [500, 'provider_unavailable'],
    [503, 'provider_unavailable'],
  ])('are decided by the status else: %i is %s', (status, code) =>
    expect(failureIn(answerOf({ code: 7_777 }, status), asked)).toMatchObject({ code }),
  );

  it.each([
    ['<html>canary</html>', 502, 'provider_unavailable'],
    ['', 503, 'provider_unavailable'],
    ['', 429, 'rate_limited'],
    [null, 404, 'provider_unavailable'],
    [{ message: 'canary' }, 401, 'provider_unavailable'],
    [{ error: 'canary' }, 500, 'provider_unavailable'],
  ])('%j with %i says nothing of the login', (data, status, code) => {
    const failure = failureIn({ status, data, headers: {} }, asked);
    expect(failure).toMatchObject({ code, graph: null });
    expect(failure?.message).not.toMatch(/canary/);
  });

  it('are read whatever stands there', () => {
    fc.assert(
      fc.property(fc.anything(), fc.integer({ min: 100, max: 599 }), (error, status) => {
        const failure = failureIn({ status, data: { error }, headers: {} }, asked);
        const isSuccess = status >= 200 && status < 300;
        expect(failure === null).toBe(
          isSuccess && (typeof error !== 'object' || error === null || Array.isArray(error)),
        );
      }),
    );
  });
});

describe('whose key was refused', () => {
  it.each([190, 102, 0])('of a call with the app’s secret, %i is the operator’s to mend', (code) =>
    expect(failureIn(answerOf({ code }), { ...asked, by: 'app' })).toMatchObject({ code: 'provider_key_rejected' }),
  );

  it.each([
    { error: { code: 100, error_subcode: 36_009, message: 'canary' } },
    { error_type: 'OAuthException', code: 400, error_message: 'canary: was already used' },
  ])('a code that does not count is a wrong answer: %j', (data) => {
    const failure = failureIn({ status: 400, data, headers: {} }, { ...asked, by: 'code' });
    expect(failure).toMatchObject({ code: 'wrong_answer' });
    expect(failure?.message).not.toMatch(/canary/);
  });
});

describe('how long to wait', () => {
  const wait = (numbers: object, more: { headers?: HttpAnswer['headers']; blockedUntil?: number } = {}) =>
    failureIn(answerOf(numbers, 400, more.headers ?? {}), { ...asked, blockedUntil: more.blockedUntil ?? null })
      ?.retryAfterMs;

  it('is what the usage headers say, else what the answer says, else what is usual', () => {
    expect(wait({ code: 80_006 })).toBe(300_000);
    expect(wait({ code: 80_006 }, { headers: { 'retry-after': '17' } })).toBe(17_000);
    expect(wait({ code: 80_006 }, { headers: { 'retry-after': '17' }, blockedUntil: now + 90_000 })).toBe(90_000);
    expect(wait({ code: 131_056 })).toBe(6_000);
    expect(wait({ code: 133_016 })).toBe(6 * 3_600_000);
    expect(wait({ code: 80_006 }, { blockedUntil: now + 1e12 })).toBe(24 * 3_600_000);
    expect(wait({ code: 190 })).toBeUndefined();
  });
});

describe('over HTTP', () => {
  let peer: Peer;
  beforeAll(async () => {
    peer = await startPeer();
  });
  afterAll(() => peer?.close());

  const ask = () =>
    graph(callTo(peer.dsn, { keys: { apiKey: 'canary-token' } }), 'POST', '/101/messages', { body: {} });

  it('an error under 200 is one, and is told by its numbers', async () => {
    peer.says(200, { error: { code: 10, error_subcode: 2_018_278, message: 'canary' } });
    const failure = await failureOf(ask());
    expect(failure).toMatchObject({ code: 'window_closed', effect: 'none' });
    expect([
      isGraphError(failure, 10),
      isGraphError(failure, '10/2018278'),
      isGraphError(failure, '10/1', 100),
    ]).toEqual([true, true, false]);
  });

  it('what is no object is no answer', async () => {
    for (const body of ['[]', '"text"', '', '<html>canary</html>']) {
      peer.says(200, body);
      expect(await failureOf(ask())).toMatchObject({ code: 'provider_unavailable', effect: 'unknown' });
    }
    peer.says(200, 'true');
    expect(await ask()).toEqual({ success: true });
  });
});

import { ProviderFailure } from '../../../domain/failures.ts';
import type { CallPressure } from '../../../providers/contract/call.ts';
import { graph } from '../../../providers/meta/client.ts';
import { blockedUntil, pressuresIn } from '../../../providers/meta/usage.ts';
import { startPeer, type Peer } from '../unipile/peer.ts';
import { callTo } from './calls.ts';

const now = Date.UTC(2026, 10, 20);
const counts = (percent: number) => ({ call_count: percent, total_cputime: 1, total_time: 2 });
const read = (headers: Record<string, unknown>, of: string[] = ['101']) =>
  pressuresIn(
    Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, JSON.stringify(value)])),
    of,
    now,
  );

it('tells the fullest of the app’s limits', () => {
  expect(read({ 'x-app-usage': { call_count: 12, total_time: 81, total_cputime: 40 } })).toEqual([
    { of: null, percent: 81, until: null },
  ]);
});

it('tells the app’s limit of calls without an account for such calls alone', () => {
  expect(read({ 'x-app-usage': counts(97) }, ['app'])).toEqual([{ of: 'app', percent: 97, until: null }]);
});

it('tells each business object, with the longest wait among its limits', () => {
  const usage = {
    '101': [{ type: 'messenger', ...counts(86), estimated_time_to_regain_access: 0 }],
    '17841': [
      { type: 'instagram', ...counts(30), estimated_time_to_regain_access: 0 },
      { type: 'pages', ...counts(100), estimated_time_to_regain_access: 19 },
    ],
  };
  expect(read({ 'x-business-use-case-usage': usage })).toEqual([
    { of: '101', percent: 86, until: null },
    { of: '17841', percent: 100, until: now + 19 * 60_000 },
  ]);
});

it('counts a wait as a full limit, whatever the percent', () => {
  const usage = { '101': [{ type: 'messenger', ...counts(55), estimated_time_to_regain_access: 3 }] };
  expect(read({ 'x-business-use-case-usage': usage })).toEqual([{ of: '101', percent: 100, until: now + 180_000 }]);
});

it('lets the limits of business objects count alone where both kinds come', () => {
  const both = { 'x-app-usage': counts(99), 'x-business-use-case-usage': { '101': [{ type: 'pages', ...counts(5) }] } };
  expect(read(both)).toEqual([{ of: '101', percent: 5, until: null }]);
});

it('reads the older header of Pages as that of the object of the call', () => {
  expect(read({ 'x-page-usage': counts(91) })).toEqual([{ of: '101', percent: 91, until: null }]);
  expect(read({ 'x-page-usage': counts(91) }, ['app'])).toEqual([]);
});

it.each([undefined, '', 'no json', '[]', '{"101":"x"}', '{"101":[{"call_count":"many"}]}', 7])(
  'tells nothing of %j',
  (header) =>
    expect(pressuresIn({ 'x-business-use-case-usage': header, 'x-app-usage': header }, ['1'], now)).toEqual([]),
);

it('knows the last end of all full limits', () => {
  const at = (percent: number, until: number | null): CallPressure => ({ of: '1', percent, until });
  expect(blockedUntil([at(100, 5), at(100, 9), at(90, 20), at(100, null)])).toBe(9);
  expect(blockedUntil([at(90, 20)])).toBeNull();
});

describe('a call', () => {
  let peer: Peer;
  let told: CallPressure[][];
  beforeAll(async () => {
    peer = await startPeer();
  });
  beforeEach(() => {
    told = [];
  });
  afterAll(() => peer?.close());

  const turns: (readonly string[])[] = [];
  const ask = () =>
    graph(
      callTo(peer.dsn, {
        now,
        channel: 'instagram',
        providerAccountId: '17841',
        keys: { apiKey: 'token', node: '101' },
        turn: (_signal, of = []) => {
          turns.push(of);
          return Promise.resolve();
        },
        report: (pressures) => {
          told.push([...pressures]);
          return Promise.resolve();
        },
      }),
      'GET',
      '/101',
    );

  it('waits for the limits of the account and of the object that it goes to, and reports what its answer tells', async () => {
    peer.says(200, { id: '101' }, { 'x-business-use-case-usage': JSON.stringify({ '101': [counts(83)] }) });
    await ask();
    expect(turns.at(-1)).toEqual(['17841', '101']);
    expect(told).toEqual([[{ of: '101', percent: 83, until: null }]]);
    peer.says(200, { id: '101' });
    await ask();
    expect(told).toHaveLength(1);
  });

  it.each([
    [4, null],
    [80_002, '17841'],
  ])('that meets limit %i reports it as full', async (code, of) => {
    peer.says(400, { error: { code, message: 'limit' } });
    const failure = await ask().catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(ProviderFailure);
    expect(failure).toMatchObject({ code: 'rate_limited', effect: 'none', retryAfterMs: 300_000 });
    expect(told).toEqual([[{ of, percent: 100, until: now + 300_000 }]]);
  });

  it('that meets a limit waits as long as the header says', async () => {
    const usage = { '101': [{ type: 'messenger', ...counts(100), estimated_time_to_regain_access: 12 }] };
    peer.says(400, { error: { code: 80_006 } }, { 'x-business-use-case-usage': JSON.stringify(usage) });
    await expect(ask()).rejects.toMatchObject({ code: 'rate_limited', retryAfterMs: 12 * 60_000 });
  });
});

import { addFleet, fleetOwner, makeDue } from '../../bench/sweep/fleet.ts';
import {
  claimVisits,
  credentialsToVisit,
  releaseVisits,
  type Bucket,
  type ClaimedVisits,
} from '../../db/queries/visits/claim-visits.ts';
import { noteBucket, settleVisits, type SettledVisit } from '../../db/queries/visits/settle-visits.ts';
import { connectMeta, personOf } from '../support/meta.ts';
import { eventually } from '../support/eventually.ts';
import { runSql } from '../support/run-sql.ts';
import { startTestStack, type TestStack } from '../support/stack.ts';

const bucket: Bucket = { places: 40, slowFromMs: 2_000, slowPlaces: 10 };
const most = 20;
const minute = 60_000;

let stack: TestStack;
/** By provider. */
let credentials: Record<string, string>;
beforeAll(async () => {
  stack = await startTestStack({ WASENDER_AUTO_SYNC_ENABLED: 'false' });
  const connected = async (body: object): Promise<string> =>
    (await stack.api.post('/api/v1/accounts', { owner: 'o', ...body })).body.account.id;
  const unipile = await connected({
    provider: 'unipile',
    channel: 'linkedin',
    credentials: { username: 'plain@claims.example', password: 'correct horse' },
  });
  await stack.api.account(unipile, 'active');
  const wasender = await connected({
    provider: 'wasender',
    channel: 'whatsapp',
    credentials: { phone_number: '+33639981301' },
  });
  const session = await eventually(
    'a session',
    async () => (await stack.api.get(`/api/v1/accounts/${wasender}`)).body.provider_account_id,
  );
  await stack.control.post('/scan', { session });
  await stack.api.account(wasender, 'active');
  const meta = (await connectMeta(stack.api, 'messenger', personOf('plain'))).id;
  const { unipile: u, wasender: w } = stack.config.providers;
  const at = { unipile_url: new URL(u!.dsn!).origin, wasender_url: w!.base_url! };
  await addFleet(stack.worker.context, at, { unipile, wasender, meta }, 180);
  const found = await query('select id, provider from provider_credentials where tenant_id is null');
  credentials = Object.fromEntries(found.map(({ id, provider }) => [provider, id]));
}, 120_000);
beforeEach(async () => {
  await query(
    `update provider_credentials set refused_at = null, probe_at = null, visits_rest_until = null, visits_failures = 0, visits_ms = 0,
       visits_at = null, calls_per_minute = null`,
  );
  await query(
    'update account_visits set due_at = null where account_id in (select id from accounts where owner <> ?)',
    [fleetOwner],
  );
  await makeDue(stack.worker.context, 0);
});
afterAll(() => stack?.stop());

const query = (statement: string, params: unknown[] = []): Promise<any[]> =>
  stack.worker.context.db.system((em) => runSql<any>(em, statement, params));
const now = (): Date => stack.worker.context.clock.now();
const due = (at = now()) => ({ now: at, dueAt: at, withSlow: true });
const claim = (provider: string, at = now()): Promise<ClaimedVisits | null> =>
  stack.worker.context.db.system((em) =>
    claimVisits(em, credentials[provider]!, due(at), bucket, new Date(at.getTime() + 6 * minute), most),
  );
const toVisit = (more: object = {}): Promise<string[]> =>
  stack.worker.context.db.system((em) => credentialsToVisit(em, { ...due(), ...more }, bucket, 50));
const named = async (more: object = {}): Promise<string[]> => {
  const ids = await toVisit(more);
  return Object.entries(credentials)
    .filter(([, id]) => ids.includes(id))
    .map(([provider]) => provider)
    .sort();
};
const settled = (id: string): SettledVisit => ({
  id,
  outcome: 'ok',
  reason: null,
  failures: 0,
  dueAt: now().getTime() + 60 * minute,
  intervalSeconds: 300,
  found: 0,
  newsAt: null,
  behind: null,
  webhook: null,
  lastEventAt: null,
  usualGapSeconds: null,
  gaps: 0,
  silentSince: null,
  isExplained: false,
  detailsDueAt: null,
  detailsFaults: null,
});
const settle = ({ lease, accounts }: ClaimedVisits): Promise<number> =>
  stack.worker.context.db.system((em) => settleVisits(em, lease, accounts.map(settled), now()));

it('credentials take so many places at once, and those of other credentials stay free', async () => {
  const [first, second, third] = [await claim('unipile'), await claim('unipile'), await claim('unipile')];
  expect([first?.accounts.length, second?.accounts.length, third]).toEqual([20, 20, null]);
  expect(new Set([...first!.accounts, ...second!.accounts]).size).toBe(40);
  expect((await claim('meta'))?.accounts).toHaveLength(20);
  expect(await settle(first!)).toBe(20);
  expect((await claim('unipile'))?.accounts).toHaveLength(20);
});

it('many claims at once never take more places than there are', async () => {
  const claims = await Promise.all(Array.from({ length: 8 }, () => claim('wasender')));
  const accounts = claims.flatMap((one) => one?.accounts ?? []);
  expect(new Set(accounts).size).toBe(accounts.length);
  expect(accounts).toHaveLength(40);
});

it('a lease ends by itself, and what its holder writes later is not written', async () => {
  const lost = await claim('meta');
  const later = new Date(now().getTime() + 7 * minute);
  const taken: string[] = [];
  for (let n = 0; n < 3; n += 1) {
    const one = await claim('meta', later);
    taken.push(...(one?.accounts ?? []));
    // The last one holds what the first one had.
    if (one && n < 2) await settle(one);
  }
  expect(lost!.accounts.some((id) => taken.includes(id))).toBe(true);
  const before = await query('select account_id, lease, visited_at from account_visits order by 1');
  const again = lost!.accounts.filter((id) => taken.includes(id));
  expect(await settle({ ...lost!, accounts: again })).toBe(0);
  expect(await query('select account_id, lease, visited_at from account_visits order by 1')).toEqual(before);
});

it('what was not visited is due again at once', async () => {
  const one = await claim('meta');
  await stack.worker.context.db.system((em) => releaseVisits(em, one!.lease, one!.accounts, now()));
  const [{ n }] = await query(
    'select count(*)::int as n from account_visits where lease is null and due_at <= ? and credentials_id = ?',
    [now(), credentials['meta']],
  );
  expect(n).toBe(60);
});

it('an account that changes while it is visited is visited once more right after', async () => {
  const one = await claim('unipile');
  const [id, other] = one!.accounts;
  await query("update accounts set state = 'degraded', reason = 'webhooks_missed' where id = ?", [id]);
  expect(await settle(one!)).toBe(20);
  const soon = await query('select account_id as id from account_visits where due_at <= ? and account_id in (?, ?)', [
    now(),
    id,
    other,
  ]);
  expect(soon.map((row) => row.id)).toEqual([id]);
  await query("update accounts set state = 'active', reason = null where id = ?", [id]);
});

it('an account of another login keeps nothing that was found of the one before, and one without a login is not visited', async () => {
  const one = await claim('unipile');
  const [id, gone] = one!.accounts;
  await query("update accounts set provider_account_id = 'another-' || id where id = ?", [id]);
  await query('update accounts set provider_account_id = null where id = ?', [gone]);
  expect(await settle(one!)).toBe(18);
  const rows = await query('select visited_at, due_at from account_visits where account_id in (?, ?) order by due_at', [
    id,
    gone,
  ]);
  expect(rows).toMatchObject([{ visited_at: null }, { visited_at: null, due_at: null }]);
});

describe('credentials', () => {
  it('are served in turn, those first that were served longest ago', async () => {
    const first = (await toVisit())[0]!;
    const [provider] = Object.entries(credentials).find(([, id]) => id === first)!;
    await claim(provider);
    expect((await toVisit()).at(-1)).toBe(first);
  });

  it('whose key is refused are left out, and none of their accounts is claimed', async () => {
    await query('update provider_credentials set refused_at = now(), probe_at = now() where id = ?', [
      credentials['wasender'],
    ]);
    expect(await named()).toEqual(['meta', 'unipile']);
    expect(await claim('wasender')).toBeNull();
  });

  it('rest while most visits fail for their provider’s trouble, each time longer, up to some minutes', async () => {
    const note = (isDown: boolean): Promise<void> =>
      stack.worker.context.db.system((em) => noteBucket(em, credentials['meta']!, { meanMs: 100, isDown }, now()));
    const rests: number[] = [];
    for (let n = 0; n < 5; n += 1) {
      await note(true);
      const [{ rest }] = await query(
        'select extract(epoch from visits_rest_until - ?::timestamptz)::float8 as rest from provider_credentials where id = ?',
        [now(), credentials['meta']],
      );
      rests.push(Math.round(rest / 10) * 10);
    }
    expect(rests).toEqual([30, 60, 120, 240, 240]);
    expect(await named()).toEqual(['unipile', 'wasender']);
    expect(await claim('meta')).toBeNull();
    await note(false);
    expect(await named()).toEqual(['meta', 'unipile', 'wasender']);
  });

  it('of a slow provider take fewer places, and none late in a sweep', async () => {
    await query('update provider_credentials set visits_ms = 5000 where id = ?', [credentials['unipile']]);
    expect((await claim('unipile'))?.accounts).toHaveLength(10);
    expect(await claim('unipile')).toBeNull();
    expect(await named({ withSlow: false })).toEqual(['meta', 'wasender']);
  });

  it('take no more accounts than they may make calls', async () => {
    await query('update provider_credentials set calls_per_minute = 60 where id = ?', [credentials['meta']]);
    // A burst of 12, of which backfill leaves half to messages and people.
    expect((await claim('meta'))?.accounts).toHaveLength(6);
  });
});

import { Account } from '../../db/entities/accounts.ts';
import { ensureTokenTimes } from '../../db/queries/accounts/token-times.ts';
import { ProviderFailure } from '../../domain/failures.ts';
import { renewKeys, type Renewal } from '../../services/accounts/renew-keys.ts';
import { withFreshKeys } from '../../services/accounts/refresh-keys.ts';
import { connectionTo } from '../../services/connections/login/attempt-tx.ts';
import type { Context } from '../../services/context.ts';
import { eventually } from '../support/eventually.ts';
import { choose, login, startPagelinkStack, type PagelinkStack } from '../providers/fourth-provider/stack.ts';
import { pagelink } from '../providers/fourth-provider/index.ts';
import { upstream } from '../providers/fourth-provider/upstream.ts';
import { atTime, mortal, sweepTokens } from './at-time.ts';

const minute = 60_000;
const hour = 60 * minute;
const day = 24 * hour;

let stack: PagelinkStack;
beforeAll(async () => {
  upstream.refreshAfterMs = 30 * day;
  stack = await startPagelinkStack();
});
afterAll(() => stack?.stop());
afterEach(() => {
  upstream.refusals.clear();
  upstream.checkFailure = null;
  upstream.beforeAnswer = () => Promise.resolve();
});

let pages = 0;
/** An account whose token is due at `due`, with a process that lives at a time that the test moves. */
async function due() {
  const page = `renewed-${(pages += 1)}`;
  const id = await stack.connected(page);
  const time = { now: Date.now() + 31 * day };
  const context = atTime(stack.worker.context, () => time.now);
  const { tenantId } = await stack.account(id);
  const renew = (by: Context = context): Promise<Renewal> =>
    renewKeys(by, { tenantId, accountId: id, at: new Date(time.now), kind: 'live' });
  return { id, page, time, context, tenantId, renew };
}

/** A provider whose old tokens go on when they are renewed, as Meta's do. */
const lasting = (context: Context): Context => {
  const { endsOld: _ends, ...tokens } = pagelink.tokens!;
  const refreshToken: typeof tokens.refreshToken = async (call) => {
    const old = call.keys?.apiKey ?? '';
    const keys = await tokens.refreshToken(call);
    upstream.tokens.add(old);
    return keys;
  };
  return { ...context, providers: { ...context.providers, pagelink: { ...pagelink, tokens: { refreshToken } } } };
};

const timeline = async (id: string): Promise<string[]> =>
  (await stack.query('select kind from account_events where account_id = ? order by id', [id])).map(({ kind }) => kind);

describe('D4: a renewal', () => {
  it('is made once, however many processes and callers want it at the same time', async () => {
    const { id, page, tenantId, time, context, renew } = await due();
    const answered = Promise.withResolvers<void>();
    upstream.beforeAnswer = () => answered.promise;
    const first = renew();
    await eventually('the provider is asked', () => Promise.resolve(upstream.renewed.get(page) === 1));
    const others = [renew(), renew(atTime(stack.worker.context, () => time.now)), sweepTokens(context)];
    expect(await others[0]).toBe('busy');
    expect(await others[1]).toBe('busy');
    await others[2];
    // A caller that needs the token waits for the renewal.
    const { provider, call } = await context.db.tenant(tenantId, async (em) => {
      const account = await em.findOneOrFail(Account, { id });
      return connectionTo(context, em, account, new Date(time.now), account.providerAccountId);
    });
    const waiting = withFreshKeys(context, { tenantId, accountId: id }, provider, call);
    answered.resolve();
    expect(await first).toBe('renewed');
    expect((await waiting).keys).toEqual(await stack.keysOf(id));
    expect([upstream.asked.get(page), upstream.renewed.get(page)]).toEqual([1, 1]);
    expect(upstream.works((await stack.keysOf(id))?.apiKey, time.now)).toBe(true);
    expect((await timeline(id)).filter((kind) => kind === 'token_renewed')).toHaveLength(1);
  });

  it('by two sweeps at once is made once for each account', async () => {
    const ids: string[] = [];
    for (let n = 0; n < 6; n += 1) ids.push(await stack.connected(`both-${n}`));
    const now = Date.now() + 31 * day;
    const workers = [1, 2].map(() => atTime(stack.worker.context, () => now));
    // A row that another transaction holds is left to the next sweep.
    await eventually('all are asked', async () => {
      await Promise.all(workers.map((context) => sweepTokens(context)));
      return ids.every((_, n) => upstream.asked.has(`both-${n}`));
    });
    expect(ids.map((_, n) => upstream.asked.get(`both-${n}`))).toEqual(ids.map(() => 1));
  });

  it('is kept before it is used, and loses to a login that brought newer keys', async () => {
    const { id, time, renew } = await due();
    const answered = Promise.withResolvers<void>();
    upstream.beforeAnswer = () => answered.promise;
    const renewal = renew();
    await eventually('an intent', async () => (await stack.account(id)).keysIntentAt !== null);
    upstream.beforeAnswer = () => Promise.resolve();
    await stack.query(`update accounts set keys_ask_at = now() where id = ?`, [id]);
    await stack.api.post(`/api/v1/accounts/${id}/reconnect`, { force: true });
    await login(stack.api, id, 'newer@owner');
    await stack.api.account(id, 'active');
    const newer = await stack.keysOf(id);
    answered.resolve();
    expect(await renewal).toBe('superseded');
    expect(await stack.keysOf(id)).toEqual(newer);
    expect(upstream.works(newer?.apiKey, time.now)).toBe(true);
  });

  it('that fails is tried again after an hour, after four, then daily, and the old token goes on', async () => {
    const { id, page, time, context } = await due();
    upstream.refusals.set(page, () => new ProviderFailure('provider_unavailable', 'Pagelink is down.'));
    const before = await stack.keysOf(id);
    const tries: number[] = [];
    const began = time.now;
    for (; time.now < began + 4 * day; time.now += hour) {
      const asked = upstream.asked.get(page) ?? 0;
      await sweepTokens(context);
      if (upstream.asked.get(page) !== asked) tries.push((time.now - began) / hour);
    }
    expect(tries).toEqual([0, 1, 5, 29, 53, 77]);
    expect(await stack.keysOf(id)).toEqual(before);
    upstream.refusals.clear();
    time.now += day;
    await sweepTokens(context);
    expect(upstream.works((await stack.keysOf(id))?.apiKey, time.now)).toBe(true);
    expect((await stack.account(id)).keysFailures).toBe(0);
  });
});

describe('D4: kill -9 between the answer and our commit', () => {
  it('loses nothing where the old token goes on', async () => {
    const { id, page, time, context, renew } = await due();
    const killed = mortal(lasting(context));
    upstream.beforeAnswer = () => Promise.resolve(killed.die());
    await expect(renew(killed.context)).rejects.toThrow('killed');
    const before = await stack.keysOf(id);
    expect(upstream.works(before?.apiKey, time.now)).toBe(true);
    upstream.beforeAnswer = () => Promise.resolve();
    // The one that died may still be at work, as far as others can tell.
    expect(await renew(lasting(context))).toBe('busy');
    time.now += 10 * minute;
    expect(await renew(lasting(context))).toBe('renewed');
    expect((await stack.keysOf(id))?.apiKey).not.toBe(before?.apiKey);
    expect(upstream.renewed.get(page)).toBe(2);
  });

  it('is noticed at the next try where the old token has ended, and the owner is asked then', async () => {
    const { id, page, time, context, renew } = await due();
    const killed = mortal(context);
    upstream.beforeAnswer = () => Promise.resolve(killed.die());
    await expect(renew(killed.context)).rejects.toThrow('killed');
    time.now += 10 * minute;
    expect(await renew()).toBe('login_lost');
    // The old token is not sent again: a provider that sees it twice may end all of them.
    expect(upstream.asked.get(page)).toBe(1);
    await stack.query('update accounts set check_due_at = now() where id = ?', [id]);
    await stack.api.account(id, 'reconnect_required');
  });

  it('before the provider took it asks again', async () => {
    const { id, page, time, context, renew } = await due();
    const killed = mortal(context);
    upstream.refusals.set(page, () => {
      killed.die();
      return new ProviderFailure('provider_unavailable', 'The connection was cut.', { effect: 'unknown' });
    });
    await expect(renew(killed.context)).rejects.toThrow('killed');
    upstream.refusals.clear();
    time.now += 10 * minute;
    expect(await renew()).toBe('renewed');
    expect(upstream.works((await stack.keysOf(id))?.apiKey, time.now)).toBe(true);
  });

  it('of a sweep leaves its accounts to the next one', async () => {
    const { id, context, time } = await due();
    const killed = mortal(lasting(context));
    upstream.beforeAnswer = () => Promise.resolve(killed.die());
    await sweepTokens(killed.context).catch(() => undefined);
    upstream.beforeAnswer = () => Promise.resolve();
    const before = await stack.keysOf(id);
    time.now += hour;
    await sweepTokens(context);
    expect((await stack.keysOf(id))?.apiKey).not.toBe(before?.apiKey);
  });
});

describe('D4: a token that ends soon', () => {
  /** An account whose owner was asked. */
  async function asked() {
    const one = await due();
    upstream.refusals.set(one.page, () => new ProviderFailure('request_refused', 'Pagelink does not renew it.'));
    one.time.now += 23 * day;
    await eventually('the question', async () => {
      await sweepTokens(one.context);
      return (await stack.account(one.id)).askedAt !== null;
    });
    return one;
  }

  it('is told with its end, while the account works', async () => {
    const { id } = await asked();
    const { body } = await stack.api.get(`/api/v1/accounts/${id}`);
    expect(body).toMatchObject({ state: 'degraded', reason: 'token_expiring', who: 'owner' });
    const [{ data }] = await stack.query(
      `select data from events where account_id = ? and type = 'account.action_required'`,
      [id],
    );
    expect(data).toMatchObject({ reason: 'token_expiring', reminder: false, ends_at: body.access_ends_at });
    const { status } = await stack.api.post(`/api/v1/accounts/${id}/syncs`, { kind: 'details' });
    expect(status).toBe(202);
  });

  it('that is renewed after that makes the account active again', async () => {
    const { id, time, context } = await asked();
    upstream.refusals.clear();
    time.now += 5 * hour;
    await sweepTokens(context);
    expect(await stack.account(id)).toMatchObject({ state: 'active', reason: null, askedAt: null, remindDueAt: null });
  });

  it('is replaced by the owner’s new login: that the old one still works is not enough', async () => {
    const { id } = await asked();
    const before = await stack.keysOf(id);
    const soon = `keys_ask_at = now(), keys_expire_at = now() + interval '6 days'`;
    await stack.query(`update accounts set ${soon} where id = ?`, [id]);
    expect((await stack.api.post(`/api/v1/accounts/${id}/reconnect`)).status).toBe(202);
    await login(stack.api, id, 'renewed@owner');
    await stack.api.account(id, 'active');
    expect((await stack.keysOf(id))?.apiKey).not.toBe(before?.apiKey);
    expect((await stack.account(id)).keysAskAt!.getTime()).toBeGreaterThan(Date.now() + 50 * day);
  });
});

it('A12: the same page connected once more brings its newer token to the account that there is', async () => {
  const page = 'twice';
  const id = await stack.connected(page);
  const before = await stack.keysOf(id);
  upstream.tokens.delete(before?.apiKey ?? '');
  const asked = { provider: 'pagelink', channel: 'messenger', owner: 'owner' };
  const second = (await stack.api.post('/api/v1/accounts', asked)).body.account.id;
  await login(stack.api, second, 'twice@owner');
  await choose(stack.api, second, page);
  await eventually('the merge', async () => (await stack.account(second)).mergedInto === id);
  const after = await stack.keysOf(id);
  expect(upstream.works(after?.apiKey, Date.now())).toBe(true);
  expect(await stack.account(id)).toMatchObject({ state: 'active', providerGroups: ['user:owner'] });
  expect(await stack.account(second)).toMatchObject({ providerKeys: null, keysDueAt: null, providerGroups: [] });
});

it('D4: the times of tokens from before are written at the start of a process', async () => {
  const id = await stack.connected('older');
  const before = await stack.account(id);
  await stack.query(
    `update accounts set keys_version = 0, keys_expire_at = null, keys_refresh_at = null, keys_ask_at = null,
       keys_due_at = null where id = ?`,
    [id],
  );
  const { db, vault } = stack.worker.context;
  await ensureTokenTimes(db, vault, new Date());
  const after = await stack.account(id);
  expect(after.keysVersion).toBe(1);
  expect(after.keysExpireAt).toEqual(before.keysExpireAt);
  expect(after.keysRefreshAt!.getTime()).toBeLessThanOrEqual(Date.now() + 30 * day);
  expect(after.keysDueAt).toEqual(after.keysRefreshAt);
});

it('D4: the Schedule renews what is due, and says so', async () => {
  const id = await stack.connected('scheduled');
  await stack.query(`update accounts set keys_refresh_at = now(), keys_due_at = now() where id = ?`, [id]);
  await stack.trigger('refreshTokens');
  await stack.timeline(id, 'token_renewed');
  // The sandbox's clock is the stack's: what is due by it need not wait for the hour.
  const before = (await stack.keysOf(id))?.apiKey;
  await stack.control.post('/clock', { advance_seconds: (31 * day) / 1000 });
  await eventually('a newer token', async () => (await stack.keysOf(id))?.apiKey !== before, 30_000);
  expect(await stack.worker.context.metrics.registry.metrics()).toContain(
    'patchbay_token_renewals_total{provider="pagelink",outcome="succeeded"}',
  );
});

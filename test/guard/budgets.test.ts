import { Account } from '../../db/entities/accounts.ts';
import { activate, connect, startTestApi, unique, type TestApi } from '../api/support.ts';
import { startSending, type Sending } from '../messages/sending.ts';

const minute = 60_000;
const day = 24 * 60 * minute;

describe('M6: budgets of attempts', () => {
  let api: TestApi;
  beforeAll(async () => {
    api = await startTestApi();
  });
  afterAll(() => api?.stop());

  const account = async (): Promise<string> => {
    const { account: made } = await connect(api.client);
    await activate(api, made.id, `up-${unique()}`);
    return made.id;
  };
  const reconnect = (id: string): Promise<any> => api.client.post(`/api/v1/accounts/${id}/reconnect`, { force: true });

  it('refuse a login with the time from when on the next may begin, over all callers, and show what is used', async () => {
    const id = await account();
    await api.client.patch(`/api/v1/accounts/${id}`, { login_limits: { per_hour: 4, per_day: 6 } });
    // The first login counts.
    for (let n = 0; n < 3; n += 1) expect((await reconnect(id)).status).toBe(202);
    const refused = await reconnect(id);
    expect([refused.status, refused.body.code]).toEqual([429, 'attempt_budget_spent']);
    expect(refused.body.detail).toMatch(/4 within the hour, 4 within the day.*may begin at \d{4}-/);
    expect(refused.body.fix).toContain('banned');
    const wait = Number(refused.headers.get('retry-after'));
    expect(wait).toBeGreaterThan(3_500);
    expect(wait).toBeLessThanOrEqual(3_600);
    const { guard, provider_config: config } = (await api.client.get(`/api/v1/accounts/${id}`)).body;
    expect(guard.logins).toMatchObject({ per_hour: 4, per_day: 6, used: { hour: 4, day: 4 } });
    expect(Date.parse(guard.logins.next_at) - api.context.clock.now().getTime()).toBeLessThanOrEqual(3_600_000);
    expect(config).toBeNull();

    api.clock.advance(wait * 1_000);
    expect((await reconnect(id)).status).toBe(202);
    api.clock.advance(61 * minute);
    expect((await reconnect(id)).status).toBe(202);
    api.clock.advance(61 * minute);
    // The day's are spent.
    const day1 = await reconnect(id);
    expect([day1.status, Number(day1.headers.get('retry-after')) > 3_600]).toEqual([429, true]);
    await api.client.patch(`/api/v1/accounts/${id}`, { login_limits: null });
    expect((await reconnect(id)).status).toBe(202);
    expect((await api.client.get(`/api/v1/accounts/${id}`)).body.guard.logins.per_day).toBe(100);
  });

  it('leave a disconnection and other accounts alone', async () => {
    const [id, other] = [await account(), await account()];
    await api.client.patch(`/api/v1/accounts/${id}`, { login_limits: { per_hour: 0 } });
    expect((await reconnect(id)).status).toBe(429);
    expect((await reconnect(other)).status).toBe(202);
    expect((await api.client.delete(`/api/v1/accounts/${id}`)).status).toBe(202);
  });
});

describe('M6: budgets of sends', () => {
  let sending: Sending;
  beforeAll(async () => {
    sending = await startSending();
  });
  afterAll(() => sending?.stop());

  const guardOf = async (id: string): Promise<any> =>
    (await sending.api.client.get(`/api/v1/accounts/${id}`)).body.guard;

  it('grow with the account: a share for three days, a larger one for a week, then all', async () => {
    const account = await sending.account();
    await sending.context.db.system(async (em) => {
      const row = await em.findOneOrFail(Account, { id: account.id });
      row.sendLimits = null;
      row.createdAt = sending.context.clock.now();
    });
    const shares = [];
    for (let n = 0; n < 9; n += 1) {
      const { sends, ramp } = await guardOf(account.id);
      shares.push([sends.per_hour, sends.per_day, ramp?.share ?? 1]);
      sending.api.clock.advance(day);
    }
    const [first, second, all] = [
      [180, 600, 0.3],
      [360, 1_200, 0.6],
      [600, 2_000, 1],
    ];
    expect(shares).toEqual([first, first, first, second, second, second, second, all, all]);
  });

  it('hold messages over them in their order, and show what is used and when the next one goes', async () => {
    const account = await sending.account();
    const limits = { per_minute: null, per_hour: 3, per_day: 5, spacing_seconds: null };
    await sending.api.client.patch(`/api/v1/accounts/${account.id}`, { rate_limits: limits });
    const ids: string[] = [];
    for (let n = 0; n < 7; n += 1) ids.push((await sending.send(account.id, `${n}`)).id);
    await sending.drain(account);
    const { sends } = await guardOf(account.id);
    expect(sends).toMatchObject({ ...limits, used: { minute: 3, hour: 3, day: 3 } });
    const { body } = await sending.api.client.get(`/api/v1/messages/${ids[3]}`);
    expect(body.send).toMatchObject({ waits_for: 'budget', waits_until: sends.next_at });
    sending.api.clock.advance(61 * minute);
    await sending.drain(account);
    expect((await guardOf(account.id)).sends.used).toMatchObject({ hour: 2, day: 5 });
    sending.api.clock.advance(day);
    await sending.drain(account);
    expect(sending.upstream.taken.map(({ text }) => text)).toEqual(['0', '1', '2', '3', '4', '5', '6']);
  });
});

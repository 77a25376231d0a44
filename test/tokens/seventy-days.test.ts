import { ProviderFailure } from '../../domain/failures.ts';
import { login, startPagelinkStack, type PagelinkStack } from '../providers/fourth-provider/stack.ts';
import { upstream } from '../providers/fourth-provider/upstream.ts';
import { sweepReminders } from '../reminders/reminding.ts';
import { atTime, sweepTokens } from './at-time.ts';

const hour = 3_600_000;
const day = 24 * hour;

let stack: PagelinkStack;
beforeAll(async () => {
  upstream.refreshAfterMs = 30 * day;
  stack = await startPagelinkStack();
});
afterAll(() => stack?.stop());

const unavailable = (): ProviderFailure => new ProviderFailure('provider_unavailable', 'Pagelink is down.');

/** What the renewal of a page is answered, by the days since the token was given. */
const stories = {
  /** Always renewed. */
  healthy: () => null,
  /** Down for two weeks around the half of the life. */
  outage: (days: number) => (days > 25 && days < 41 ? unavailable() : null),
  /** Down until some hours before the end: the owner is asked, and then it works all the same. */
  late: (days: number) => (days < 59.4 ? unavailable() : null),
  /** Never to be had again. */
  refused: () => new ProviderFailure('login_lost', 'Pagelink does not renew it.'),
  /** Never answers. */
  down: () => unavailable(),
} as const;
type Story = keyof typeof stories;
const dying: readonly Story[] = ['refused', 'down'];

interface Told {
  reason: string;
  reminder: boolean;
  ends_at: string | null;
  state: string;
}

it('D4: 70 days in steps of six hours: no token ends that could be renewed; each other is asked for once, with reminders', async () => {
  const accounts: { id: string; page: string; story: Story }[] = [];
  for (let n = 1; n <= 3; n += 1)
    await Promise.all(
      (Object.keys(stories) as Story[]).map(async (story) => {
        const page = `${story}-${n}`;
        accounts.push({ id: await stack.connected(page), page, story });
      }),
    );
  const began = Date.now();
  for (const { page, story } of accounts) {
    let given = began;
    upstream.refusals.set(page, (now) => {
      const refusal = stories[story]((now - given) / day);
      if (!refusal) given = now;
      return refusal;
    });
  }
  let now = began;
  const context = atTime(stack.worker.context, () => now);
  for (let step = 0; step <= 70 * 4; step += 1, now += 6 * hour) {
    expect((await sweepTokens(context)).more).toBe(false);
    await sweepReminders(context);
    for (const { id, story } of accounts) {
      // Once a day: one that has ended is never renewed.
      if (step % 4 || dying.includes(story)) continue;
      const keys = await stack.keysOf(id);
      if (!upstream.works(keys?.apiKey, now)) throw new Error(`${story} has no token after ${step / 4} days`);
    }
  }

  for (const { id, page, story } of accounts) {
    const account = await stack.account(id);
    const told = (
      await stack.query(
        `select data from events where account_id = ? and type = 'account.action_required' order by stamp, seq`,
        [id],
      )
    ).map(({ data }): Told => data);
    const asked = told.filter(({ reason, reminder }) => reason === 'token_expiring' && !reminder);
    const reminded = told.filter(({ reason, reminder }) => reason === 'token_expiring' && reminder);
    if (dying.includes(story)) {
      expect([story, account.state, account.reason, account.who]).toEqual([
        story,
        'reconnect_required',
        'token_expired',
        'owner',
      ]);
      expect(asked).toHaveLength(1);
      // After one day, after three, and on the day before the end.
      expect([story, reminded.length]).toEqual([story, 3]);
      expect(told.at(-1)).toMatchObject({ reason: 'token_expired', state: 'reconnect_required', ends_at: null });
      const end = Date.parse(asked[0]?.ends_at ?? '');
      expect(Math.abs(end - began - 60 * day)).toBeLessThan(hour);
      expect(account.keysDueAt).toBeNull();
      // After one hour, after four, then daily, and more often at the end.
      expect(upstream.asked.get(page)).toBeLessThan(48);
    } else {
      expect([story, account.state, account.reason]).toEqual([story, 'active', null]);
      expect([story, asked.length]).toEqual([story, story === 'late' ? 1 : 0]);
      expect(upstream.renewed.get(page)).toBeGreaterThanOrEqual(1);
      expect(upstream.renewed.get(page)).toBeLessThanOrEqual(3);
    }
  }

  // What an owner, an operator and a program see of it.
  const [gone] = accounts.filter(({ story }) => story === 'down');
  const { body } = await stack.api.get(`/api/v1/accounts/${gone!.id}`);
  expect(body).toMatchObject({ state: 'reconnect_required', reason: 'token_expired', who: 'owner' });
  expect(body.what_to_do).toContain('reconnect');
  const { body: page } = await stack.api.get(`/api/v1/accounts/${gone!.id}/timeline?limit=200`);
  const kinds = page.items.map(({ kind }: { kind: string }) => kind);
  for (const kind of ['token_not_renewed', 'owner_asked', 'owner_reminded', 'state']) expect(kinds).toContain(kind);
  expect(await stack.worker.context.metrics.registry.metrics()).toMatch(
    /patchbay_token_renewals_total\{provider="pagelink",outcome="succeeded"\} \d+/,
  );

  // The owner comes.
  upstream.refusals.clear();
  // By this machine's time the old token would go on.
  await stack.query('update accounts set keys_ask_at = now(), keys_expire_at = now() where id = ?', [gone!.id]);
  await stack.api.post(`/api/v1/accounts/${gone!.id}/reconnect`);
  await login(stack.api, gone!.id, 'again@owner');
  expect(await stack.api.account(gone!.id, 'active')).toMatchObject({ reason: null });
}, 600_000);

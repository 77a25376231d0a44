import { setTimeout as sleep } from 'node:timers/promises';
import { eventually } from '../support/eventually.ts';
import { connectMeta, personOf } from '../support/meta.ts';
import { startRealStack, type RealStack } from '../support/real-stack.ts';
import type { Row } from './assertions.ts';
import { openFacts, type Facts } from './facts.ts';

export interface TokensSize {
  /** Half of them have a token that cannot be renewed before its end. */
  accounts: number;
}

/** Of the sandbox's clock. */
const stepHours = 6;
const hourSeconds = 3_600;
const days = { second: 31, renewedFrom: 62, all: 70 };
/** Reminders of a token that ends in a week: after one day, after three, on the day before its end. */
const reminders = { least: 2, most: 4 };
const loginsAtOnce = 4;
/** Until a sweep shows that a jump of the clock runs, in milliseconds. */
const sweepStartsMs = 400;
/** Logins of Instagram accounts renew their tokens there. */
const renewal = { provider: 'meta', route: 'GET /refresh_access_token' };

/**
 * Instagram accounts for 70 days of the sandbox's clock. Tokens cannot be renewed until day 62: those of the first half end
 * on day 60, those of the second half, connected on day 31, are renewed when that is possible again.
 */
export async function tokensForDays({ accounts }: TokensSize, report: (text: string) => void): Promise<Row[]> {
  const real = await startRealStack({ RATE_LIMIT_PER_MINUTE: '1000000', EVENT_RETENTION_DAYS: '100' });
  const facts = await openFacts(real.stack.describe());
  try {
    await real.control.put('/faults', { ...renewal, rate_500: 1 });
    const first = await connect(real, Math.floor(accounts / 2));
    let second: string[] = [];
    const died = new Set<string>();
    for (let hours = 0; hours <= days.all * 24; hours += stepHours) {
      if (hours === days.second * 24) second = await connect(real, accounts - first.length);
      if (hours === days.renewedFrom * 24) await real.control.put('/faults', renewal);
      await sweep(real, facts);
      for (const { id } of await facts.rows(`select id from accounts where state = 'reconnect_required'`)) died.add(id);
      if (hours % 240 === 0) report(`day ${hours / 24}: ${died.size} of ${accounts} tokens have ended`);
      await real.control.post('/clock', { advance_seconds: stepHours * hourSeconds });
    }
    return assess(facts, first, second, died);
  } finally {
    await facts.close();
    await real.stop();
  }
}

async function connect({ api }: RealStack, count: number): Promise<string[]> {
  const ids: string[] = [];
  let left = count;
  const work = async (): Promise<void> => {
    while (left > 0) {
      left -= 1;
      const credentials = { login: 'instagram' };
      ids.push((await connectMeta(api, 'instagram', personOf('plain'), { credentials })).id);
    }
  };
  await Promise.all(Array.from({ length: loginsAtOnce }, work));
  return ids;
}

/** Waits until nothing is due by the sandbox's clock, whose jump runs the sweep, and no sweep is under way. */
async function sweep({ control }: RealStack, facts: Facts): Promise<void> {
  await eventually(
    'the sweep of tokens',
    async () => {
      await sleep(sweepStartsMs);
      if ((await facts.running('refreshTokens')) > 0) return false;
      const { now } = await control.get('/clock');
      const due = `accounts where keys_due_at <= '${now}' and state <> 'reconnect_required'`;
      if ((await facts.count(due)) === 0) return true;
      await control.post('/clock', { advance_seconds: 1 });
      return false;
    },
    240_000,
  );
}

async function assess(
  facts: Facts,
  first: readonly string[],
  second: readonly string[],
  died: ReadonlySet<string>,
): Promise<Row[]> {
  const told = await facts.rows(
    `select account_id as id, count(*) filter (where data->>'reason' = 'token_expiring' and data->>'reminder' = 'false')::int as asked,
       count(*) filter (where data->>'reason' = 'token_expiring' and data->>'reminder' = 'true')::int as reminded
     from events where type = 'account.action_required' group by account_id`,
  );
  const states = await facts.rows('select id, state, reason from accounts');
  const of = (ids: readonly string[], state: string): number =>
    states.filter((one) => ids.includes(one['id']) && one['state'] === state).length;
  const ofFirst = told.filter(({ id }) => first.includes(id));
  const ofSecond = told.filter(({ id }) => second.includes(id));
  const isReminded = ({ reminded }: Record<string, any>): boolean =>
    reminded >= reminders.least && reminded <= reminders.most;
  return [
    row('tokens: ended although they could be renewed', 0, second.filter((id) => died.has(id)).length),
    row('tokens: accounts that work at the end, of those renewed', second.length, of(second, 'active')),
    row('tokens: owners asked whose token was renewed in time', 0, ofSecond.length),
    row('tokens: accounts that wait for a login, of those not renewed', first.length, of(first, 'reconnect_required')),
    row('tokens: owners asked once before the end', first.length, ofFirst.filter(({ asked }) => asked === 1).length),
    row('tokens: owners reminded until the end', first.length, ofFirst.filter(isReminded).length),
  ];
}

const row = (what: string, expected: number, found: number): Row => ({
  what,
  expected: String(expected),
  found: String(found),
  ok: found === expected,
});

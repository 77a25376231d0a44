import { setTimeout as sleep } from 'node:timers/promises';
import { openDatabase, type Database } from '../../db/connect.ts';
import { Account } from '../../db/entities/accounts.ts';
import { moveAccount } from '../../db/queries/accounts/timeline.ts';
import { databaseUrlOf } from '../../dev/parts/postgres-roles.ts';
import { patchbay } from '../cli/run.ts';
import { createClient } from '../support/client.ts';
import { eventually } from '../support/eventually.ts';
import { startRealStack, type RealStack } from '../support/real-stack.ts';
import { runSql } from '../support/run-sql.ts';
import type { Row } from './assertions.ts';
import { openFacts, type Facts } from './facts.ts';

export interface RemindersSize {
  /** Half of them are of another tenant with other hours; every third one is mended on day 12. */
  accounts: number;
}

/** Of the sandbox's clock. */
const stepHours = 4;
const days = { mended: 12, all: 30 };
/** After one day, after three, then weekly. */
const reminders = { all: 5, untilMended: 3 };
/** Steps in which the worker is killed while it sweeps. */
const killedOn: ReadonlySet<number> = new Set([1, 3, 10, 17, 24].map((day) => (day * 24) / stepHours));
/** When owners are asked, by UTC. */
const questionHour = 11;
const sweptWithinMs = 900_000;
const movedAtOnce = 200;

const hours = {
  ours: { time_zone: 'Europe/Berlin', reminder_hours: { from: '08:00', to: '18:00' } },
  theirs: { time_zone: 'Asia/Kolkata', reminder_hours: { from: '20:00', to: '04:00' } },
};
const isOutside = {
  ours: `(e.at at time zone 'Europe/Berlin')::time not between '08:00' and '17:59:59.999'`,
  theirs: `(e.at at time zone 'Asia/Kolkata')::time between '04:00' and '19:59:59.999'`,
};

/** Owners of many accounts for 30 days of the sandbox's clock, while the worker is killed in the sweeps that remind them. */
export async function remindersForDays({ accounts }: RemindersSize, report: (text: string) => void): Promise<Row[]> {
  const real = await startRealStack({ RATE_LIMIT_PER_MINUTE: '1000000', EVENT_RETENTION_DAYS: '100' });
  const facts = await openFacts(real.stack.describe());
  const url = databaseUrlOf(real.home, real.stack.describe().database_url, 'superuser');
  const db = await openDatabase(url, { pool: { app: 1, system: 4 } });
  try {
    await fill(real, db, accounts);
    report(`${accounts} owners are asked for something`);
    let longestMs = 0;
    for (let step = 0; step <= (days.all * 24) / stepHours; step += 1) {
      if (step === (days.mended * 24) / stepHours) await mend(real, db);
      longestMs = Math.max(longestMs, await sweep(real, facts, killedOn.has(step)));
      if (step % 30 === 0) report(`day ${(step * stepHours) / 24}: ${await facts.count(reminded)} reminders`);
      await real.control.post('/clock', { advance_seconds: stepHours * 3_600 });
    }
    report(`the longest sweep of a step took ${Math.round(longestMs / 1_000)} s, kills included`);
    return await assess(facts, accounts);
  } finally {
    await db.close();
    await facts.close();
    await real.stop();
  }
}

const reminded = `account_events where kind = 'owner_reminded'`;

/** Accounts whose first login did not succeed: nothing asks their provider. */
async function fill(real: RealStack, db: Database, count: number): Promise<void> {
  const { tenant, api_url: url } = real.stack.describe();
  const { stdout } = await patchbay(real.env, 'keys', 'create', '--tenant', 'theirs', '--scope', 'all', '--json');
  await createClient(url, (JSON.parse(stdout) as { api_key: string }).api_key).patch('/api/v1/tenant', hours.theirs);
  await real.api.patch('/api/v1/tenant', hours.ours);
  // Within the hours of the one tenant, and out of those of the other one.
  const until = (questionHour - new Date((await real.control.get('/clock')).now).getUTCHours() + 24) % 24;
  await real.control.post('/clock', { advance_seconds: until * 3_600 });
  const { now } = await real.control.get('/clock');
  await db.system((em) =>
    runSql(
      em,
      `insert into accounts (id, tenant_id, provider, channel, owner, metadata, state, reason, who, since, method, asked_at,
         reminded_at, remind_due_at, created_at, updated_at)
       select gen_random_uuid(), t.id, 'unipile', 'linkedin', 'owner-' || n, '{}', 'failed', 'deadline_passed', 'owner', at,
         'credentials', at, at, at, at, at
       from generate_series(1, ?::int) n cross join (select ?::timestamptz as at) clock
       join tenants t on t.name = case when n % 2 = 0 then ? else 'theirs' end`,
      [count, now, tenant],
    ),
  );
}

/** Every third account works by now. */
async function mend(real: RealStack, db: Database): Promise<void> {
  const { now } = await real.control.get('/clock');
  const at = new Date(now);
  for (let found = movedAtOnce; found === movedAtOnce;)
    found = await db.system(async (em) => {
      const some = await em.find(
        Account,
        { state: 'failed', owner: { $re: '[369]$' } },
        { limit: movedAtOnce, orderBy: { id: 'asc' } },
      );
      for (const account of some) {
        moveAccount(em, account, { type: 'login_began', at });
        moveAccount(em, account, { type: 'linked', at });
      }
      return some.length;
    });
}

/** Waits until nothing is due by the sandbox's clock, whose jump runs the sweep; answers how long that took, in milliseconds. */
async function sweep(real: RealStack, facts: Facts, kills: boolean): Promise<number> {
  const began = performance.now();
  if (kills) {
    await sleep(500);
    await real.kill('worker');
  }
  await eventually(
    'the sweep of reminders',
    async () => {
      const { now } = await real.control.get('/clock');
      if ((await facts.count(`accounts where remind_due_at <= '${now}'`)) === 0) return true;
      if ((await facts.running('remindOwners')) === 0) await real.control.post('/clock', { advance_seconds: 1 });
      return false;
    },
    sweptWithinMs,
  );
  return performance.now() - began;
}

async function assess(facts: Facts, accounts: number): Promise<Row[]> {
  const { tenant } = (await facts.rows(`select name as tenant from tenants where name <> 'theirs'`))[0] ?? {};
  const isMended = `a.owner ~ '[369]$'`;
  const isTheirs = `a.tenant_id = (select id from tenants where name = 'theirs')`;
  const outside = (name: string, condition: string): Promise<number> =>
    facts.count(
      `account_events e join tenants t on t.id = e.tenant_id where e.kind = 'owner_reminded' and t.name = '${name}' and ${condition}`,
    );
  const counted = async (what: string, which: string, times: number): Promise<Row> => {
    const one = `(select count(*) from account_events e where e.account_id = a.id and e.kind = 'owner_reminded')`;
    const found = await facts.count(`accounts a where ${which} and ${one} = ${times}`);
    return row(
      `reminders: owners that ${what}, reminded ${times} times`,
      await facts.count(`accounts a where ${which}`),
      found,
    );
  };
  const events = await facts.count(`events where type = 'account.action_required' and data->>'reminder' = 'true'`);
  return [
    row('reminders: accounts', accounts, await facts.count('accounts')),
    await counted('did nothing', `not ${isMended} and not ${isTheirs}`, reminders.all),
    await counted('did nothing, asked out of their hours', `not ${isMended} and ${isTheirs}`, reminders.all + 1),
    await counted('were done on day 12', `${isMended} and not ${isTheirs}`, reminders.untilMended),
    await counted(
      'were done on day 12, asked out of their hours',
      `${isMended} and ${isTheirs}`,
      reminders.untilMended + 1,
    ),
    row('reminders: out of the hours of the one tenant', 0, await outside(tenant, isOutside.ours)),
    row('reminders: out of the hours of the other one', 0, await outside('theirs', isOutside.theirs)),
    row('reminders: events', await facts.count(reminded), events),
  ];
}

const row = (what: string, expected: number, found: number): Row => ({
  what,
  expected: String(expected),
  found: String(found),
  ok: found === expected,
});

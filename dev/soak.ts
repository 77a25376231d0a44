import { parseArgs } from 'node:util';
import type { Row } from '../test/soak/assertions.ts';
import { requireNode } from './parts/node-version.ts';

requireNode();

const { soak } = await import('../test/soak/soak.ts');
const { bulkUnderKills } = await import('../test/soak/bulk-under-kills.ts');
const { countedDays } = await import('../test/soak/random-days.ts');
const { contactsUnderKills } = await import('../test/soak/contacts-under-kills.ts');
const { failingEndpoint } = await import('../test/soak/failing-endpoint.ts');
const { fairSends } = await import('../test/soak/fair-sends.ts');
const { manySockets } = await import('../test/soak/many-sockets.ts');
const { readsUnderKills } = await import('../test/soak/reads-under-kills.ts');
const { remindersForDays } = await import('../test/soak/reminders-for-days.ts');
const { rollingUpgrade } = await import('../test/soak/rolling-upgrade.ts');
const { sweepOfPlatforms } = await import('../test/soak/sweep-of-platforms.ts');
const { tokensForDays } = await import('../test/soak/tokens-for-days.ts');
const { waitingRequests } = await import('../test/soak/waiting-requests.ts');
const { sendsUnderKills } = await import('../test/soak/sends-under-kills.ts');
const { webhooksUnderKills } = await import('../test/soak/webhooks-under-kills.ts');
const { startTestParts } = await import('./parts/test-parts.ts');
const { assertAll } = await import('../test/soak/assertions.ts');
const { drawTable, summaryOf } = await import('../test/soak/report.ts');

/** Parts that run one after another, or alone. */
const partNames = [
  'operations',
  'webhooks',
  'sends',
  'fairness',
  'sockets',
  'reads',
  'endpoints',
  'tokens',
  'reminders',
  'platforms',
  'analytics',
  'bulk',
  'upgrade',
] as const;
type PartName = (typeof partNames)[number];

const usage = `npm run soak -- [--seed N] [--only PART]… [--accounts 20] [--operations 12] [--kills 5] [--minutes M] [--disturbed] [--small] [--webhooks 25000] [--rate 25] [--without-temporal] [--sends 100] [--sockets 5000] [--events 100000] [--tokens 200] [--reminded 10000] [--fleet 10000] [--counted 10000] [--bulk 5000] [--logins 100] [--from FOLDER]
  --only     one of: ${partNames.join(', ')}; may be repeated; all of them when left out
  --kills    how often each part of the stack is killed; twice as many kills while an address book is read
  --minutes  the least time for which operations go on
  --disturbed  meanwhile an account is locked for 20 s, the provider refuses every key for 15 s, and runs are cancelled
  --webhooks how many webhooks come from each provider while API and PostgreSQL are killed, with Temporal and without
  --rate     events of each provider a second, or fewer where the machine does not take in as many
  --sends    messages of each account while the worker is killed in every tenth of them, before and after each step of a send
  --sockets  of ten tenants on one API process, with 50 events a second and a slow reader beside; and a fifth as many long polls
  --events   that streams and sockets read while the API is killed
  --tokens   accounts for 70 days of the sandbox's clock, in steps of six hours
  --reminded accounts whose owners are reminded for 30 days of the sandbox's clock, while the worker is killed
  --bulk     accounts that are reconnected in bulk while the worker is killed and the operation cancelled and taken up again
  --counted  messages of three days in random order, with edits, deletions, joins, erasures and changes of zone, that are counted
  --logins   at least so many, while two APIs and two workers are replaced three times each
  --from     a checkout of the version before, with its packages, from which the upgrade starts; this version when left out
  --fleet    accounts that are swept, with a slow provider and failing ones among theirs
  --without-temporal  webhooks with Temporal stopped from the first to the last alone
  --small    6 accounts, 4 operations each, 2 kills of each part, 1000 webhooks, 20 sends, 500 sockets, 10000 events, 10 tokens, 200 reminded, 300 swept accounts, 1000 counted, 100 accounts in bulk, 10 logins`;

function sizeFrom(args: string[]) {
  const { values } = parseArgs({
    args,
    options: {
      seed: { type: 'string' },
      accounts: { type: 'string' },
      operations: { type: 'string' },
      kills: { type: 'string' },
      minutes: { type: 'string' },
      disturbed: { type: 'boolean', default: false },
      webhooks: { type: 'string' },
      rate: { type: 'string' },
      sends: { type: 'string' },
      sockets: { type: 'string' },
      events: { type: 'string' },
      tokens: { type: 'string' },
      reminded: { type: 'string' },
      fleet: { type: 'string' },
      bulk: { type: 'string' },
      counted: { type: 'string' },
      logins: { type: 'string' },
      from: { type: 'string' },
      only: { type: 'string', multiple: true, default: [] },
      'without-temporal': { type: 'boolean', default: false },
      small: { type: 'boolean', default: false },
    },
  });
  const number = (text: string | undefined, otherwise: number): number => {
    const value = text === undefined ? otherwise : Number(text);
    if (!Number.isFinite(value) || value < 0) throw new Error(`${text} is not a number`);
    return value;
  };
  const unknown = values.only.find((part) => !partNames.some((name) => name === part));
  if (unknown !== undefined) throw new Error(`there is no part ${unknown}; the parts are ${partNames.join(', ')}`);
  return {
    seed: number(values.seed, Math.floor(Math.random() * 1_000_000)),
    accounts: number(values.accounts, values.small ? 6 : 20),
    operations: number(values.operations, values.small ? 4 : 12),
    kills: number(values.kills, values.small ? 2 : 5),
    lastsMs: number(values.minutes, 0) * 60_000,
    drops: true,
    disturbed: values.disturbed,
    webhooks: number(values.webhooks, values.small ? 1_000 : 25_000),
    rate: number(values.rate, 25),
    sends: number(values.sends, values.small ? 20 : 100),
    sockets: number(values.sockets, values.small ? 500 : 5_000),
    events: number(values.events, values.small ? 10_000 : 100_000),
    tokens: number(values.tokens, values.small ? 10 : 200),
    endpointSeconds: values.small ? 10 : 60,
    reminded: number(values.reminded, values.small ? 200 : 10_000),
    bulk: number(values.bulk, values.small ? 100 : 5_000),
    counted: number(values.counted, values.small ? 1_000 : 10_000),
    logins: number(values.logins, values.small ? 10 : 100),
    from: values.from,
    small: values.small,
    fleet: number(values.fleet, values.small ? 300 : 10_000),
    withoutTemporal: values['without-temporal'],
    // About 100,000 messages.
    people: values.small ? 300 : 16_000,
    parts: partNames.filter((part) => !values.only.length || values.only.includes(part)),
  };
}

let size: ReturnType<typeof sizeFrom>;
try {
  size = sizeFrom(process.argv.slice(2));
} catch (error) {
  process.stderr.write(`patchbay: ${(error as Error).message}\n${usage}\n`);
  process.exit(2);
}

const report = (text: string): void => console.log(`  ${text}`);

const parts: Record<PartName, () => Promise<Row[]>> = {
  operations: async () => {
    console.log(`Soak with seed ${size.seed}: ${size.accounts} accounts, ${size.operations} operations each`);
    const rows = await soak(size, report, async (result) => {
      for (const line of summaryOf(result)) report(line);
      return assertAll(result);
    });
    return [...rows, ...(await contactsUnderKills(10_000, 2 * size.kills, report))];
  },
  webhooks: () => webhooksUnderKills(webhookSize(size), report),
  sends: () => sendsUnderKills({ sends: size.sends, kills: Math.ceil(size.sends / 10) }, report),
  sockets: async () => [
    ...(await manySockets({ sockets: size.sockets, tenants: 10, perSecond: 50, seconds: 60 }, report)),
    ...(await waitingRequests(Math.ceil(size.sockets / 5), report)),
  ],
  reads: () => readsUnderKills({ events: size.events, gapMs: 4_000 }, report),
  endpoints: () => failingEndpoint({ conversations: 60, perSecond: 30, seconds: size.endpointSeconds }, report),
  bulk: () => bulkUnderKills({ accounts: size.bulk, perMinute: 6_000 }, report),
  analytics: () => countedDays({ messages: size.counted, seed: size.seed }, report),
  reminders: () => remindersForDays({ accounts: size.reminded }, report),
  tokens: () => tokensForDays({ accounts: size.tokens }, report),
  upgrade: async () => {
    const shared = await startTestParts(process.env);
    const { webhooks, rate, logins, small, from } = size;
    try {
      return await rollingUpgrade(
        { webhooks: Math.ceil(webhooks / 5), rate, atOnce: 4, logins, rounds: small ? 1 : 3, from },
        report,
      );
    } finally {
      await shared.stop();
    }
  },
  platforms: () => sweepOfPlatforms({ accounts: size.fleet }, report),
  fairness: () => fairSends({ sends: 5 * size.sends, perMinute: 60, people: size.people, hurry: 0 }, report),
};

/** WASender tells each two events in about three webhooks. */
const webhookSize = ({ webhooks, kills, rate, withoutTemporal }: typeof size) => ({
  count: { unipile: webhooks, wasender: Math.ceil((webhooks * 2) / 3) },
  rate,
  conversations: Math.ceil(webhooks / 50),
  kills,
  gapMs: 10_000,
  withoutTemporal,
});

let passed = 0;
let failed = 0;
for (const name of size.parts)
  try {
    const rows = await parts[name]();
    console.log(`\n${name}\n${drawTable(rows)}\n`);
    passed += rows.filter(({ ok }) => ok).length;
    failed += rows.filter(({ ok }) => !ok).length;
  } catch (error) {
    process.stderr.write(`patchbay: the soak of ${name} did not finish: ${(error as Error).stack}\n`);
    failed += 1;
  }
console.log(`seed ${size.seed}\n${passed} passed, ${failed} failed`);
process.exit(failed ? 1 : 0);

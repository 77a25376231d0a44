import { parseArgs } from 'node:util';
import { requireNode } from './parts/node-version.ts';

requireNode();

const { soak } = await import('../test/soak/soak.ts');
const { contactsUnderKills } = await import('../test/soak/contacts-under-kills.ts');
const { sendsUnderKills } = await import('../test/soak/sends-under-kills.ts');
const { webhooksUnderKills } = await import('../test/soak/webhooks-under-kills.ts');
const { assertAll } = await import('../test/soak/assertions.ts');
const { drawTable, summaryOf } = await import('../test/soak/report.ts');

const usage = `npm run soak -- [--seed N] [--accounts 20] [--operations 12] [--kills 5] [--minutes M] [--disturbed] [--small] [--webhooks 25000] [--rate 25] [--sends 100] [--only-webhooks] [--only-sends] [--without-temporal]
  --kills    how often each part of the stack is killed; twice as many kills while an address book is read
  --minutes  the least time for which operations go on
  --disturbed  meanwhile an account is locked for 20 s, the provider refuses every key for 15 s, and runs are cancelled
  --webhooks how many webhooks come from each provider while API and PostgreSQL are killed, with Temporal and without
  --rate     events of each provider a second; more than the machine takes in are given up by the provider after a while
  --sends    messages of each account while the worker is killed in every tenth of them, before and after each step of a send
  --only-webhooks, --only-sends  leave out all else
  --without-temporal  webhooks with Temporal stopped from the first to the last alone
  --small    6 accounts, 4 operations each, 2 kills of each part, 1000 webhooks, 20 sends`;

/** Parts that can run without the others. */
const onlyParts = ['webhooks', 'sends'] as const;

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
      'only-webhooks': { type: 'boolean', default: false },
      'only-sends': { type: 'boolean', default: false },
      'without-temporal': { type: 'boolean', default: false },
      small: { type: 'boolean', default: false },
    },
  });
  const number = (text: string | undefined, otherwise: number): number => {
    const value = text === undefined ? otherwise : Number(text);
    if (!Number.isFinite(value) || value < 0) throw new Error(`${text} is not a number`);
    return value;
  };
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
    withoutTemporal: values['without-temporal'],
    only: onlyParts.filter((part) => values[`only-${part}`]),
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

/** Operations on accounts, and address books. */
async function operations() {
  console.log(`Soak with seed ${size.seed}: ${size.accounts} accounts, ${size.operations} operations each`);
  const rows = await soak(size, report, async (result) => {
    for (const line of summaryOf(result)) report(line);
    return assertAll(result);
  });
  rows.push(...(await contactsUnderKills(10_000, 2 * size.kills, report)));
  return rows;
}

/** WASender tells each two events in about three webhooks. */
const webhookSize = ({ webhooks, kills, rate, withoutTemporal }: typeof size) => ({
  count: { unipile: webhooks, wasender: Math.ceil((webhooks * 2) / 3) },
  rate,
  conversations: Math.ceil(webhooks / 50),
  kills,
  gapMs: 10_000,
  withoutTemporal,
});
try {
  const plays = (part: (typeof onlyParts)[number]): boolean => !size.only.length || size.only.includes(part);
  const rows = size.only.length ? [] : await operations();
  if (plays('webhooks')) rows.push(...(await webhooksUnderKills(webhookSize(size), report)));
  if (plays('sends'))
    rows.push(...(await sendsUnderKills({ sends: size.sends, kills: Math.ceil(size.sends / 10) }, report)));
  const failed = rows.filter(({ ok }) => !ok).length;
  console.log(`\n${drawTable(rows)}\n\nseed ${size.seed}\n${rows.length - failed} passed, ${failed} failed`);
  process.exit(failed ? 1 : 0);
} catch (error) {
  process.stderr.write(`patchbay: the soak did not finish: ${(error as Error).stack}\n`);
  console.log(`seed ${size.seed}\n0 passed, 1 failed`);
  process.exit(1);
}

import { parseArgs } from 'node:util';
import { requireNode } from '../dev/parts/node-version.ts';

requireNode();

const { analytics } = await import('./analytics.ts');
const { contacts } = await import('./contacts/bench.ts');
const { events } = await import('./events/bench.ts');
const { health } = await import('./health.ts');
const { intake } = await import('./intake.ts');
const { migrations } = await import('./migrations/bench.ts');
const { reading } = await import('./reading.ts');
const { sweep } = await import('./sweep/bench.ts');
const { webhooks } = await import('./webhooks/bench.ts');
const { table } = await import('../cli/print.ts');

/** Each measures on a stack of its own. */
const benches = { analytics, contacts, events, health, intake, migrations, reading, sweep, webhooks };

const usage = `npm run bench -- [name] [--json] [--size 20000] [--runs 7] [--accounts 100000] [--seconds 4] [--kills 4] [--messages 1000000] [--events 20000] [--fleet 10000] [--sizes 100000,1000000] [--plain]
  name    one of: ${Object.keys(benches).join(', ')}; all of them when left out
  --json  one line per row
  --size  contacts in the address book; the database that is migrated has 5 accounts and 25 events for each
  --runs  how often each is measured; the median counts. A migration is measured once
  --accounts  of the larger installation that takes webhooks in, and of the one whose health is read
  --seconds   of each measurement of webhooks that come in, of one of those that go out, and between kills
  --kills     of each way to take webhooks in, its processes and PostgreSQL in turn
  --messages  beside which reading is measured
  --events    of a burst of outgoing webhooks
  --fleet     accounts of the largest fleet that is swept, after fleets of 100 and 1000
  --sizes     numbers of messages beside which analytics are counted
  --plain     leaves out BullMQ and Celery, which are installed at the first run and need redis-server and python3`;

function optionsFrom(args: string[]) {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: {
      json: { type: 'boolean', default: false },
      size: { type: 'string', default: '20000' },
      runs: { type: 'string', default: '7' },
      accounts: { type: 'string', default: '100000' },
      kills: { type: 'string', default: '4' },
      plain: { type: 'boolean', default: false },
      seconds: { type: 'string', default: '4' },
      messages: { type: 'string', default: '1000000' },
      events: { type: 'string', default: '20000' },
      fleet: { type: 'string', default: '10000' },
      sizes: { type: 'string', default: '100000,1000000' },
      help: { type: 'boolean', default: false },
    },
  });
  const count = (text: string): number => {
    if (!/^[1-9]\d{0,7}$/.test(text)) throw new Error(`${text} is not a whole number from 1 to 99999999`);
    return Number(text);
  };
  const known = Object.keys(benches) as (keyof typeof benches)[];
  const unknown = positionals.find((name) => !known.includes(name as keyof typeof benches));
  if (unknown) throw new Error(`there is no benchmark called ${unknown}`);
  const names = known.filter((name) => !positionals.length || positionals.includes(name));
  return {
    ...values,
    names,
    size: count(values.size),
    runs: count(values.runs),
    accounts: count(values.accounts),
    kills: values.kills === '0' ? 0 : count(values.kills),
    seconds: count(values.seconds),
    messages: count(values.messages),
    events: count(values.events),
    fleet: count(values.fleet),
    sizes: values.sizes
      .split(',')
      .map(count)
      .toSorted((a, b) => a - b),
  };
}

let options: ReturnType<typeof optionsFrom>;
try {
  options = optionsFrom(process.argv.slice(2));
} catch (error) {
  process.stderr.write(`patchbay: ${(error as Error).message}\n${usage}\n`);
  process.exit(2);
}
if (options.help) {
  process.stdout.write(`${usage}\n`);
  process.exit(0);
}

const stopping = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => stopping.abort());
/** Progress goes to standard error: standard output holds the rows. */
const report = (line: string): void => void process.stderr.write(`${line}\n`);

try {
  const rows = [];
  for (const name of options.names) rows.push(...(await benches[name](options, report, stopping.signal)));
  if (options.json) for (const row of rows) process.stdout.write(`${JSON.stringify(row)}\n`);
  else
    process.stdout.write(
      `${table(rows.map(({ ok, goal, ...row }) => ({ ...row, goal, ok: goal === null ? '' : ok ? 'ok' : 'MISSED' })))}\n`,
    );
  process.exit(rows.every(({ ok }) => ok) ? 0 : 1);
} catch (error) {
  process.stderr.write(`patchbay: the benchmark did not finish: ${(error as Error).stack}\n`);
  process.exit(1);
}

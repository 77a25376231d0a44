import pg from 'pg';
import type { Report } from '../../dev/parts/progress.ts';
import { newId } from '../../platform/ids.ts';
import { contacts as reader } from '../../providers/wasender/contacts.ts';
import { cpuOf, measure } from '../measure.ts';
import type { Row } from '../row.ts';
import { startBenchStack, type BenchStack } from '../stack.ts';
import { connectAccount, type BenchAccount } from './account.ts';
import { bareLoop, baselineTable, createBaselineTable, openOrm, ormRows, type ContactOwner } from './baselines.ts';
import { costAtTemporal, sync } from './ours.ts';
import { cases, inWords, rowsFor, type Measured } from './rows.ts';

/** Row by row is slow: a part of the contacts is enough to measure its speed. */
const ormLimit = 2_000;

/** One side's sync of an account's contacts. */
type Way = (stack: BenchStack, account: BenchAccount) => Promise<Omit<Measured, 'of' | 'side'>>;

/** The contact sync against the bare loop and against row-by-row upserts. Throws when a sync fails. */
export async function contacts(
  options: { size: number; runs: number },
  report: Report,
  signal: AbortSignal,
): Promise<Row[]> {
  const stack = await startBenchStack({ WASENDER_AUTO_SYNC_ENABLED: 'false' }, report, signal);
  const client = new pg.Client({ connectionString: stack.ownerUrl });
  const orm = await openOrm(stack.ownerUrl);
  const sides: Record<Measured['side'], Way> = {
    ours,
    bare: baseline((account, owner) => bareLoop(reader, account.call(), client, owner)),
    orm: baseline((account, owner) => ormRows(orm, reader, account.call(), owner, ormLimit), newId),
  };
  const measured: Measured[] = [];
  try {
    await client.connect();
    await client.query(createBaselineTable);
    // Round 0 warms up all sides and does not count.
    for (let round = 0; round <= options.runs; round += 1) {
      const account = await connectAccount(stack, options.size);
      const turns = round % 2 ? (['ours', 'bare', 'orm'] as const) : (['orm', 'bare', 'ours'] as const);
      for (const of of cases) {
        const { session } = account;
        if (of === '5 % changed') await stack.control('PATCH', '/address-book', { session, change: 0.05 });
        for (const side of turns) {
          if (side === 'orm' && of !== 'first sync') continue;
          signal.throwIfAborted();
          const one: Measured = { of, side, ...(await sides[side](stack, account)) };
          report(inWords(round, one));
          if (round > 0) measured.push(one);
        }
      }
    }
    return rowsFor(measured);
  } finally {
    await client.end();
    await orm.close();
    await stack.stop();
  }
}

const ours: Way = async (stack, account) => {
  const worker = stack.describe().pids.worker;
  const side = { tables: ['contacts', 'contact_aliases'], accountId: account.id, cpuOfWorker: () => cpuOf(worker) };
  let entries = 0;
  const cost = await measure(stack, side, async () => {
    const { run, seconds } = await sync(stack, account.id);
    entries = run.stats.total_fetched ?? 0;
    return seconds;
  });
  return { entries, cost, temporal: await costAtTemporal(stack, account.id) };
};

/** A baseline runs in this process. `accountOf`: the account id it writes; by default the account's own. */
const baseline =
  (
    work: (account: BenchAccount, owner: ContactOwner) => Promise<number>,
    accountOf: (account: BenchAccount) => string = ({ id }) => id,
  ): Way =>
  async (stack, account) => {
    const accountId = accountOf(account);
    const side = { tables: [baselineTable], accountId, cpuOfWorker: ownCpu };
    let entries = 0;
    const cost = await measure(stack, side, async () => {
      entries = await work(account, { tenantId: account.tenantId, accountId });
    });
    return { entries, cost, temporal: null };
  };

/** In seconds. */
function ownCpu(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
}

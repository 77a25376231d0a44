import type { Report } from '../../dev/parts/progress.ts';
import { addCrowd } from '../crowd.ts';
import { cpuOf } from '../measure.ts';
import { faster, informative, median, noSlower, type Row } from '../row.ts';
import { startBenchStack, until, type BenchStack } from '../stack.ts';
import { targetOf } from '../target.ts';
import { crashRows } from './crash.ts';
import { quantile, Sender } from './load.ts';
import { installPrograms, Programs } from './programs.ts';
import { startSides, type Side } from './sides.ts';
import { copyConversations, createTables } from './tables.ts';

/** Of an installation that has just begun. */
const few = 100;
/** Webhooks on their way at the same time, in the closed loop; a second, in the open one. */
const atOnce = 32;
const rate = 300;
/** Until queues are empty, in milliseconds. */
const drainMs = 120_000;

interface Measured {
  /** Webhooks a second, until all of them are in PostgreSQL. */
  stored: number;
  /** Webhooks a second that were answered with 200. */
  taken: number;
  /** Milliseconds of processors for each webhook, of the programs and PostgreSQL. */
  cpu: number;
  /** Of the open loop, in milliseconds. */
  p50: number;
  p99: number;
}

interface Options {
  runs: number;
  /** Of each measurement, and between kills. */
  seconds: number;
  /** Of the larger installation. */
  accounts: number;
  /** Of each side; 0 leaves them out. */
  kills: number;
  /** Without BullMQ and Celery. */
  plain: boolean;
}

/** Intake of webhooks against the same rows written by plain programs, in one run, and what each keeps of them under kills. */
export async function webhooks(
  { runs, seconds, accounts, kills, plain }: Options,
  report: Report,
  signal: AbortSignal,
): Promise<Row[]> {
  const tools = plain ? null : await installPrograms(report, signal);
  const stack = await startBenchStack({ RATE_LIMIT_PER_MINUTE: '1000000' }, report, signal);
  const target = await targetOf(stack);
  const programs = new Programs({
    BENCH_DATABASE_URL: stack.adminUrl,
    BENCH_CREDENTIALS: target.credentialsId,
    BENCH_SECRET: target.secret,
  });
  const rows: Row[] = [];
  try {
    await stack.admin.query(createTables);
    const { rows: tenants } = await stack.admin.query<{ id: string }>('select id from tenants limit 1');
    const sides = await startSides(stack, target, tools, programs, report);
    let have = 0;
    for (const size of [few, accounts]) {
      await addCrowd(stack.admin, tenants[0]?.id ?? '', { accounts: size, events: 0, have });
      await stack.admin.query(copyConversations);
      have = size;
      const measured = new Map(sides.map((one) => [one, [] as Measured[]]));
      // Round 0 warms up all sides and does not count.
      for (let round = 0; round <= runs; round += 1) {
        for (const side of round % 2 ? sides : sides.toReversed()) {
          signal.throwIfAborted();
          const one = await measure(stack, side, size, 1000 * (round ? seconds : 1), signal);
          report(`${size} accounts, round ${round}, ${side.name}: ${inWords(one)}`);
          if (round) measured.get(side)?.push(one);
        }
        // PostgreSQL does it by itself within a minute. Until then it plans for tables that are empty.
        if (round === 0) await stack.admin.query('vacuum (analyze)');
      }
      rows.push(...rowsOf(`webhooks, ${size} accounts`, measured));
    }
    if (kills) rows.push(...(await crashRows(stack, sides, few, { kills, ms: 1000 * seconds }, report, signal)));
    return rows;
  } finally {
    await programs.stop();
    await stack.stop();
  }
}

const inWords = ({ stored, taken, cpu, p50, p99 }: Measured): string =>
  `${stored.toFixed()} stored and ${taken.toFixed()} taken a second, ${cpu.toFixed(2)} ms of processor each; at ${rate}/s ${p50.toFixed(1)} ms, p99 ${p99.toFixed(1)} ms`;

async function measure(
  { admin, describe }: BenchStack,
  { target, table, pids }: Side,
  accounts: number,
  ms: number,
  signal: AbortSignal,
): Promise<Measured> {
  await admin.query('checkpoint');
  const sender = new Sender(target, accounts, signal);
  const count = async (): Promise<number> =>
    Number((await admin.query<{ n: string }>(`select count(*) as n from ${table}`)).rows[0]?.n);
  const used = (): number => [...pids(), describe().pids.postgres].reduce<number>((sum, pid) => sum + cpuOf(pid), 0);
  try {
    const before = await count();
    const usedBefore = used();
    const began = performance.now();
    const { ids, seconds } = await sender.closedLoop(atOnce, ms);
    const isStored = async () => ((await count()) >= before + ids.length ? true : null);
    await until('the rows of the closed loop', isStored, drainMs, 200);
    const stored = ids.length / ((performance.now() - began) / 1000);
    const cpu = (1000 * (used() - usedBefore)) / ids.length;
    const { latencies } = await sender.openLoop(rate, ms);
    await until('the rows of the open loop', async () =>
      (await count()) >= before + ids.length + latencies.length ? true : null,
    );
    const [p50, p99] = [quantile(latencies, 0.5), quantile(latencies, 0.99)];
    return { stored, taken: ids.length / seconds, cpu, p50, p99 };
  } finally {
    sender.close();
  }
}

function rowsOf(path: string, measured: ReadonlyMap<Side, readonly Measured[]>): Row[] {
  const [first, ...baselines] = [...measured];
  const ours = first?.[1] ?? [];
  const middle = (of: readonly Measured[], what: keyof Measured): number => median(of.map((one) => one[what]));
  return baselines.flatMap(([{ name, goals }, theirs]): Row[] => {
    const each = (what: keyof Measured) => [middle(ours, what), name, middle(theirs, what)] as const;
    return [
      faster(`${path}: stored/s`, ...each('stored'), goals?.rate ?? null),
      informative(`${path}: taken/s`, ...each('taken')),
      informative(`${path}: ms of processor for each`, ...each('cpu')),
      informative(`${path}: ms to the answer at ${rate}/s, p50`, ...each('p50')),
      goals?.p99
        ? noSlower(`${path}: ms to the answer at ${rate}/s, p99`, ...each('p99'), goals.p99)
        : informative(`${path}: ms to the answer at ${rate}/s, p99`, ...each('p99')),
    ];
  });
}

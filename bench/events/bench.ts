import { Client } from '@temporalio/client';
import type { Report } from '../../dev/parts/progress.ts';
import { addCrowd } from '../crowd.ts';
import { cpuOf, isCharged } from '../measure.ts';
import { atMost, faster, informative, median, type Row } from '../row.ts';
import { startBenchStack, until, type BenchStack } from '../stack.ts';
import { quantile } from '../webhooks/load.ts';
import { installPrograms, Programs } from '../webhooks/programs.ts';
import { Receiver } from './receiver.ts';
import { createTables, startSides, type Side } from './sides.ts';
import type { Committed } from './writer.ts';
import { connect } from '../../temporal/connect.ts';

/** Conversations, each of an account of its own. */
const conversations = 200;
/** Messages a second while the time to delivery is measured. */
const rate = 50;
/** Of a side that may lose messages: what does not come within so much time after the last one is lost, in milliseconds. */
const stillMs = 5_000;

interface Measured {
  /** Webhooks a second, from the first commit to the last delivery. */
  delivered: number;
  /** Milliseconds of processors for each, of the programs and PostgreSQL. */
  cpu: number;
  /** From commit to delivery at `rate`, in milliseconds. */
  p50: number;
  p95: number;
  /** Messages that no webhook told. */
  lost: number;
}

interface Options {
  runs: number;
  /** Of the measurement of times. */
  seconds: number;
  /** Messages of a burst. */
  events: number;
  /** Without BullMQ. */
  plain: boolean;
}

/** Outgoing webhooks of new messages against the same rows that are polled, and against jobs of BullMQ, in one run. */
export async function events(
  { runs, seconds, events: burst, plain }: Options,
  report: Report,
  signal: AbortSignal,
): Promise<Row[]> {
  const tools = plain ? null : await installPrograms(report, signal);
  const stack = await startBenchStack({}, report, signal);
  const receiver = await Receiver.start();
  const programs = new Programs({ BENCH_DATABASE_URL: stack.adminUrl });
  try {
    const { rows: tenants } = await stack.admin.query<{ id: string }>('select id from tenants limit 1');
    await addCrowd(stack.admin, tenants[0]?.id ?? '', { accounts: conversations, events: 0 });
    await stack.admin.query(createTables);
    const sides = await startSides(stack, receiver, tools, programs, report);
    const began = new Date();
    const measured = new Map(sides.map((side) => [side, [] as Measured[]]));
    // Round 0 warms up all sides and does not count.
    for (let round = 0; round <= runs; round += 1)
      for (const side of round % 2 ? sides : sides.toReversed()) {
        signal.throwIfAborted();
        const size = round ? { burst, ms: 1000 * seconds } : { burst: Math.min(burst, 500), ms: 1000 };
        const endpoint = await endpointOf(stack, receiver, side);
        const one = await measure(stack, receiver, side, size);
        if (endpoint) await stack.api('DELETE', `/webhook-endpoints/${endpoint}`);
        report(`round ${round}, ${side.name}: ${inWords(one)}`);
        if (round) measured.get(side)?.push(one);
      }
    const actions = await temporalActions(stack, began);
    return [...rowsOf(measured), atMost('events: Temporal actions', actions, 'goal', 0)];
  } finally {
    receiver.close();
    await programs.stop();
    await stack.stop();
  }
}

/** Makes the endpoint of the product for one measurement; null for another side. */
async function endpointOf(stack: BenchStack, { address: url }: Receiver, side: Side): Promise<string | null> {
  if (side.eventsPerRequest === undefined) return null;
  const settings = { url, types: ['message.created'], events_per_request: side.eventsPerRequest };
  return ((await stack.api('POST', '/webhook-endpoints', settings)) as { id: string }).id;
}

const inWords = ({ delivered, cpu, p50, p95, lost }: Measured): string =>
  `${delivered.toFixed()} a second, ${cpu.toFixed(2)} ms of processor each; at ${rate}/s ${p50.toFixed(1)} ms, p95 ${p95.toFixed(1)} ms; ${lost} lost`;

async function measure(
  { admin, describe }: BenchStack,
  receiver: Receiver,
  { writer, pids, mayLose }: Side,
  { burst, ms }: { burst: number; ms: number },
): Promise<Measured> {
  await admin.query('checkpoint');
  const used = (): number => [...pids(), describe().pids.postgres].reduce<number>((sum, pid) => sum + cpuOf(pid), 0);
  const usedBefore = used();
  const written = await writer.burst(burst);
  const told = await deliveries(receiver, written, mayLose);
  const seconds = (Math.max(...told.map(({ at }) => at)) - Math.min(...written.values())) / 1000;
  const cpu = (1000 * (used() - usedBefore)) / written.size;
  const steady = await writer.steady(rate, ms);
  const later = await deliveries(receiver, steady, mayLose);
  const waits = later.map(({ waited }) => waited).toSorted((a, b) => a - b);
  return {
    delivered: told.length / seconds,
    cpu,
    p50: quantile(waits, 0.5),
    p95: quantile(waits, 0.95),
    lost: written.size - told.length + steady.size - later.length,
  };
}

/** When each message was told, and how long after its commit, in milliseconds, once all were told that will be. */
async function deliveries(
  receiver: Receiver,
  committed: Committed,
  mayLose: boolean,
): Promise<{ at: number; waited: number }[]> {
  const told = () =>
    [...committed].flatMap(([id, from]) => {
      const at = receiver.at(id);
      return at === undefined ? [] : [{ at, waited: Math.max(0, at - from) }];
    });
  let before = { count: -1, at: performance.now() };
  return until(
    'deliveries',
    async () => {
      const found = told();
      if (found.length > before.count) before = { count: found.length, at: performance.now() };
      const isStill = mayLose && found.length > 0 && performance.now() - before.at > stillMs;
      return isStill || found.length === committed.size ? found : null;
    },
    600_000,
    50,
  );
}

function rowsOf(measured: ReadonlyMap<Side, readonly Measured[]>): Row[] {
  const isOurs = ([{ eventsPerRequest }]: [Side, readonly Measured[]]): boolean => eventsPerRequest !== undefined;
  const all = [...measured];
  const [ours, baselines] = [all.filter(isOurs), all.filter((one) => !isOurs(one))];
  const middle = (of: readonly Measured[], what: keyof Measured): number => median(of.map((one) => one[what]));
  const rowsAgainst = ([side, own]: (typeof all)[number], [{ name, goal }, theirs]: (typeof all)[number]): Row[] => {
    const each = (what: keyof Measured) => [middle(own, what), name, middle(theirs, what)] as const;
    const isMany = (side.eventsPerRequest ?? 1) > 1;
    const path = isMany ? `events, ${side.eventsPerRequest} in a request` : 'events';
    return [
      faster(`${path}: delivered/s`, ...each('delivered'), isMany ? goal : null),
      informative(`${path}: ms of processor for each`, ...each('cpu')),
      informative(`${path}: ms from commit to delivery at ${rate}/s, p50`, ...each('p50')),
      informative(`${path}: ms from commit to delivery at ${rate}/s, p95`, ...each('p95')),
      informative(`${path}: not delivered`, ...each('lost')),
    ];
  };
  return ours.flatMap((own) => baselines.flatMap((theirs) => rowsAgainst(own, theirs)));
}

/** Of all workflows that began since a time, those of Schedules left out. */
async function temporalActions({ describe }: BenchStack, since: Date): Promise<number> {
  const { temporal_address: address, temporal_namespace: namespace } = describe();
  const connection = await connect({ address });
  try {
    const client = new Client({ connection, namespace });
    let actions = 0;
    const query = `StartTime >= '${since.toISOString()}' and TemporalScheduledById is null`;
    for await (const { workflowId, runId } of client.workflow.list({ query })) {
      const { events: history } = await client.workflow.getHandle(workflowId, runId).fetchHistory();
      actions += (history ?? []).filter(isCharged).length;
    }
    return actions;
  } finally {
    await connection.close();
  }
}

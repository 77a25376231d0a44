import type { Report } from '../../dev/parts/progress.ts';
import type { BenchStack } from '../stack.ts';
import { freePort, type Program, type Programs, type Tools } from '../webhooks/programs.ts';
import type { Receiver } from './receiver.ts';
import { Writer } from './writer.ts';

/** One way to tell an endpoint of new messages. */
export interface Side {
  name: string;
  writer: Writer;
  /** The least ratio of our events a second to those of this side; null: no goal. */
  goal: number | null;
  /** It may miss messages that are committed late. */
  mayLose: boolean;
  /** Of the product: events of a request. */
  eventsPerRequest?: number;
  /** Of its programs, without PostgreSQL and the writer. */
  pids(): readonly (number | null)[];
}

/** Events of a request, where the product delivers many at once. */
const inBatches = 50;

/** The product with one and with many events in a request, rows that are polled, and where its tools are here BullMQ. */
export async function startSides(
  stack: BenchStack,
  receiver: Receiver,
  tools: Tools | null,
  programs: Programs,
  report: Report,
): Promise<Side[]> {
  const endpoint = { BENCH_ENDPOINT: receiver.address };
  const writerOf = async (table: string, redis?: { port: number; folder: string }): Promise<Writer> => {
    const port = await freePort();
    const env = {
      BENCH_PORT: String(port),
      BENCH_TABLE: table,
      ...(redis && { BENCH_REDIS_PORT: String(redis.port) }),
    };
    await programs.start(process.execPath, ['write-messages.mjs'], port, env, redis?.folder);
    return new Writer(port);
  };
  const writer = await writerOf('messages');
  const ours = (eventsPerRequest: number): Side => ({
    name: eventsPerRequest > 1 ? `ours, ${eventsPerRequest} in a request` : 'ours',
    writer,
    goal: null,
    mayLose: false,
    eventsPerRequest,
    pids: () => [stack.describe().pids.worker],
  });
  const sides: Side[] = [
    ours(1),
    ours(inBatches),
    baseline('polling each 250 ms', { goal: null, mayLose: true }, await writerOf('bench.messages'), [
      await programs.start(process.execPath, ['deliver-rows.mjs'], null, endpoint),
    ]),
  ];
  if (!tools) return sides;
  if (tools.redis !== null) {
    report(`BullMQ is skipped: ${tools.redis}`);
    return sides;
  }
  const { folder } = tools;
  const port = await freePort();
  const redis = await programs.redis(port);
  const env = { ...endpoint, BENCH_REDIS_PORT: String(port) };
  const worker = await programs.start(process.execPath, ['deliver-jobs.mjs'], null, env, folder);
  sides.push(
    baseline('BullMQ', { goal: 2, mayLose: false }, await writerOf('bench.jobs', { port, folder }), [redis, worker]),
  );
  return sides;
}

const baseline = (
  name: string,
  { goal, mayLose }: Pick<Side, 'goal' | 'mayLose'>,
  writer: Writer,
  started: readonly Program[],
): Side => ({
  name,
  writer,
  goal,
  mayLose,
  pids: () => started.map((one) => one.pid()),
});

/** What the baselines write: the product's messages with their indexes; no row-level security, no triggers. */
export const createTables = `
create schema bench;
create table bench.messages (like messages including all, n bigint generated always as identity unique);
create table bench.jobs (like messages including all);`;

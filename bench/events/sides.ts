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
  /** Of its programs, without PostgreSQL and the writer. */
  pids(): readonly (number | null)[];
}

/** The product, rows that are polled, and where its tools are here BullMQ. */
export async function startSides(
  stack: BenchStack,
  receiver: Receiver,
  tools: Tools | null,
  programs: Programs,
  report: Report,
): Promise<[Side, ...Side[]]> {
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
  await stack.api('POST', '/webhook-endpoints', { url: receiver.address, types: ['message.created'] });
  const sides: [Side, ...Side[]] = [
    {
      name: 'ours',
      writer: await writerOf('messages'),
      goal: null,
      mayLose: false,
      pids: () => [stack.describe().pids.worker],
    },
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

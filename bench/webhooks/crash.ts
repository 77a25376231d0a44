import { setTimeout as pause } from 'node:timers/promises';
import pg from 'pg';
import type { Report } from '../../dev/parts/progress.ts';
import { atMost, type Row } from '../row.ts';
import { until, type BenchStack } from '../stack.ts';
import { Sender } from './load.ts';
import type { Side } from './sides.ts';

const atOnce = 16;
/** Until what was taken is stored: BullMQ takes up jobs of a worker that was killed after 30 s to 60 s. In milliseconds. */
const settleMs = 75_000;

interface Kept {
  acknowledged: number;
  lost: number;
  doubled: number;
}

/**
 * What each side keeps of the webhooks that it acknowledged while its processes and PostgreSQL are killed in turn, each `ms`
 * after the one before; the sender repeats those that it did not acknowledge. Without goals for the baselines.
 */
export async function crashRows(
  stack: BenchStack,
  sides: readonly Side[],
  accounts: number,
  often: { kills: number; ms: number },
  report: Report,
  signal: AbortSignal,
): Promise<Row[]> {
  const rows: Row[] = [];
  for (const side of sides) {
    const kept = await crash(stack, side, accounts, often, signal).catch((error: Error) => {
      if (!side.goals) throw error;
      report(`kills, ${side.name}: not measured: ${error.message}`);
      return null;
    });
    if (!kept) continue;
    const { acknowledged, lost, doubled } = kept;
    report(`kills, ${side.name}: ${acknowledged} acknowledged, ${lost} lost, ${doubled} doubled`);
    const most = side.goals ? Number.POSITIVE_INFINITY : 0;
    for (const [what, n] of [
      ['lost', lost],
      ['doubled', doubled],
    ] as const)
      rows.push(withoutGoal(atMost(`kill -9, ${side.name}: ${what} of ${acknowledged} acknowledged`, n, '', most)));
  }
  return rows;
}

/** JSON has no word for a bound that is none. */
const withoutGoal = (row: Row): Row => (row.goal === Number.POSITIVE_INFINITY ? { ...row, goal: null } : row);

async function crash(
  stack: BenchStack,
  side: Side,
  accounts: number,
  { kills, ms }: { kills: number; ms: number },
  signal: AbortSignal,
): Promise<Kept> {
  const sender = new Sender(side.target, accounts, signal);
  try {
    const sending = sender.closedLoop(atOnce, (kills + 1) * ms);
    const killAll = async (): Promise<void> => {
      for (let n = 0; n < kills; n += 1) {
        await pause(ms);
        if (n % 2 === 0) await side.kill();
        else process.kill(stack.describe().pids.postgres ?? 0, 'SIGKILL');
      }
    };
    const [{ ids }] = await Promise.all([sending, killAll()]);
    const counted = (): Promise<Kept> => count(stack, side, ids);
    let kept = await counted();
    if (kept.lost)
      await until(
        'what was acknowledged',
        async () => ((kept = await counted()).lost ? null : true),
        settleMs,
        1_000,
      ).catch(() => undefined);
    return kept;
  } finally {
    sender.close();
  }
}

/** By a connection of its own: PostgreSQL was killed. */
async function count({ adminUrl }: BenchStack, { table }: Side, ids: readonly string[]): Promise<Kept> {
  const client = await until('PostgreSQL', async () => {
    const one = new pg.Client({ connectionString: adminUrl });
    one.on('error', () => {});
    return one.connect().then(
      () => one,
      () => null,
    );
  });
  try {
    const { rows } = await client.query<{ stored: string; rows: string }>(
      `select count(distinct g.id) as stored, count(*) as rows from unnest($1::text[]) as g (id)
       join ${table} m on replace(m.provider_message_id, '3EB0', '') = g.id`,
      [ids],
    );
    const [stored, all] = [Number(rows[0]?.stored), Number(rows[0]?.rows)];
    return { acknowledged: ids.length, lost: ids.length - stored, doubled: all - stored };
  } finally {
    await client.end();
  }
}

import { readdirSync, readFileSync } from 'node:fs';
import { execFileSync } from 'node:child_process';
import type { BenchStack } from './stack.ts';

/** What one piece of work took. */
export interface Cost {
  /** From being asked to being done, in seconds. */
  seconds: number;
  /** Processor time of who did it, in seconds. */
  cpu: { worker: number; postgres: number; temporal: number };
  walBytes: number;
  /** Rows of the account that have a version written since, inserted ones included. */
  rowsWritten: number;
  /** Calls that the provider was asked. */
  calls: number;
}

/** Whose work is measured. */
interface Side {
  /** Where it writes, each with an account_id. */
  tables: readonly string[];
  accountId: string;
  cpuOfWorker: () => number;
}

/** Ticks of `utime` and its like in a second. */
const ticksPerSecond = Number(execFileSync('getconf', ['CLK_TCK'], { encoding: 'utf8' })) || 100;

/**
 * Does a piece of work and measures it. Before, both sides get the same start: fresh statistics and a checkpoint.
 * `work` answers how long it took, in seconds, where the clock is to be read elsewhere than around it.
 */
export async function measure(
  stack: BenchStack,
  { tables, accountId, cpuOfWorker }: Side,
  work: () => Promise<number | void>,
): Promise<Cost> {
  const { admin } = stack;
  await admin.query('vacuum (analyze)');
  await admin.query('checkpoint');
  await stack.control('DELETE', '/calls');
  const [start] = (
    await admin.query<{ lsn: string; xid: string }>(
      'select pg_current_wal_insert_lsn()::text as lsn, pg_current_xact_id()::xid::text as xid',
    )
  ).rows;
  const cpu = (): Cost['cpu'] => ({
    worker: cpuOfWorker(),
    postgres: cpuOf(stack.describe().pids.postgres),
    temporal: cpuOf(stack.describe().pids.temporal),
  });
  const before = cpu();
  const began = performance.now();
  const told = await work();
  const seconds = told ?? (performance.now() - began) / 1000;
  const after = cpu();
  const [{ lsn: end } = { lsn: '' }] = (
    await admin.query<{ lsn: string }>('select pg_current_wal_insert_lsn()::text as lsn')
  ).rows;
  const written = tables
    .map((name) => `(select count(*) from ${name} where account_id = $4 and age(xmin) <= age($3::xid))`)
    .join(' + ');
  const [grown] = (
    await admin.query<{ wal: string; written: string }>(
      `select pg_wal_lsn_diff($1::pg_lsn, $2::pg_lsn)::text as wal, (${written})::text as written`,
      [end, start?.lsn, start?.xid, accountId],
    )
  ).rows;
  const calls = await stack.control<{ provider: string; count: number }[]>('GET', '/calls');
  return {
    seconds,
    cpu: {
      worker: after.worker - before.worker,
      postgres: after.postgres - before.postgres,
      temporal: after.temporal - before.temporal,
    },
    walBytes: Number(grown?.wal),
    rowsWritten: Number(grown?.written),
    calls: calls.filter(({ provider }) => provider === 'wasender').reduce((sum, { count }) => sum + count, 0),
  };
}

/** Processor time of a process with its children, those that ended included, in seconds; of nobody it is 0. */
export function cpuOf(pid: number | null): number {
  if (pid === null) return 0;
  const own = ticksOf(pid);
  if (!own) return 0;
  const children = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map((name) => ticksOf(Number(name)))
    .filter((one) => one?.parent === pid);
  return [own, ...children].reduce((sum, one) => sum + (one?.ticks ?? 0), 0) / ticksPerSecond;
}

/** `/proc/<pid>/stat` (proc_pid_stat(5)): its parent, and utime + stime + cutime + cstime. Null: it has ended. */
function ticksOf(pid: number): { parent: number; ticks: number } | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The name in parentheses may hold anything; what follows does not.
    const fields = stat
      .slice(stat.lastIndexOf(')') + 2)
      .split(' ')
      .map(Number);
    const [parent = 0] = fields.slice(1);
    return { parent, ticks: fields.slice(11, 15).reduce((sum, one) => sum + one, 0) };
  } catch {
    return null;
  }
}

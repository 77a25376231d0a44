import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { Client } from '@temporalio/client';
import proto from '@temporalio/proto';
import type { BenchStack } from './stack.ts';
import { connect } from '../temporal/connect.ts';

const { EventType } = proto.temporal.api.enums.v1;

/** What Temporal Cloud charges for: starts, activities, timers, signals, updates, search-attribute upserts. */
const charged = new Set([
  EventType.EVENT_TYPE_WORKFLOW_EXECUTION_STARTED,
  EventType.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED,
  EventType.EVENT_TYPE_TIMER_STARTED,
  EventType.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED,
  EventType.EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_ACCEPTED,
  EventType.EVENT_TYPE_UPSERT_WORKFLOW_SEARCH_ATTRIBUTES,
]);

/** Whether an event of a history is an action. */
export const isCharged = ({ eventType }: { eventType?: proto.temporal.api.enums.v1.EventType | null }): boolean =>
  charged.has(eventType ?? 0);

export interface Cost {
  /** From the request to the end. */
  seconds: number;
  /** Processor time of each process, in seconds. */
  cpu: { worker: number; postgres: number; temporal: number };
  walBytes: number;
  /** Rows of the account that were inserted or rewritten. */
  rowsWritten: number;
  /** To the provider. */
  calls: number;
}

/** The product or a baseline. */
interface Side {
  /** Each has an account_id. */
  tables: readonly string[];
  accountId: string;
  cpuOfWorker: () => number;
}

/** The unit of `utime` and the like. */
const ticksPerSecond = Number(execFileSync('getconf', ['CLK_TCK'], { encoding: 'utf8' })) || 100;

/**
 * After a vacuum and a checkpoint, so that all sides start equal. `work` may return its duration in seconds; otherwise
 * the time around it counts.
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
  const measured = await work();
  const seconds = measured ?? (performance.now() - began) / 1000;
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

/** Of a process and its children, ended ones included, in seconds; 0 without a pid. */
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

/** From proc_pid_stat(5): the parent, and utime + stime + cutime + cstime. Null: the process has ended. */
function ticksOf(pid: number): { parent: number; ticks: number } | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The command's name, in parentheses, may hold anything, spaces too.
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

/** Of a workflow's newest execution and the ones it continued. */
export async function temporalCost(
  stack: BenchStack,
  workflowId: string,
): Promise<{ actions: number; events: number }> {
  const { temporal_address: address, temporal_namespace: namespace } = stack.describe();
  const connection = await connect({ address });
  try {
    const client = new Client({ connection, namespace });
    const cost = { actions: 0, events: 0 };
    for (let runId: string | undefined, more = true; more;) {
      const { events } = await client.workflow.getHandle(workflowId, runId).fetchHistory();
      cost.events += events?.length ?? 0;
      cost.actions += (events ?? []).filter(isCharged).length;
      runId = events?.[0]?.workflowExecutionStartedEventAttributes?.continuedExecutionRunId ?? undefined;
      more = Boolean(runId);
    }
    return cost;
  } finally {
    await connection.close();
  }
}

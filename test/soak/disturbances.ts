import { setTimeout as sleep } from 'node:timers/promises';
import { Client, WorkflowNotFoundError } from '@temporalio/client';
import pg from 'pg';
import { databaseUrlOf } from '../../dev/parts/postgres-roles.ts';
import { connectionWorkflowId } from '../../domain/workflow-ids.ts';
import type { RealStack } from '../support/real-stack.ts';
import type { Facts } from './facts.ts';
import { openConnection } from '../../temporal/connect.ts';

/** What an operator, another program or a provider does to a running installation. */
export interface Disturbances {
  /** When the row of an account was locked, in epoch milliseconds. */
  locked: { from: number; to: number };
  /** Runs of one account that were cancelled, and those that were terminated, in Temporal. */
  cancelled: number;
  terminated: number;
}

const lockMs = 20_000;
const refusedMs = 15_000;
const timesCancelled = 3;
const pollMs = 300;

/** Locks the row of one account for twenty seconds, as a forgotten `select for update` in psql does. */
export async function lockRow(real: RealStack, facts: Facts): Promise<Disturbances['locked']> {
  const account = await oldestAccount(facts);
  const { database_url: described } = real.stack.describe();
  const client = new pg.Client({ connectionString: databaseUrlOf(real.home, described, 'superuser') });
  await client.connect();
  try {
    await client.query('begin');
    await client.query('select from accounts where id = $1 for update', [account]);
    const from = Date.now();
    await sleep(lockMs);
    await client.query('rollback');
    return { from, to: Date.now() };
  } finally {
    await client.end();
  }
}

/** The provider refuses every key for fifteen seconds. */
export async function refuseKeys({ control }: RealStack): Promise<void> {
  const refuse = (value: boolean) => control.put('/variants', { provider: 'unipile', name: 'refuses_keys', value });
  await refuse(true);
  await sleep(refusedMs);
  await refuse(false);
}

/** Cancels the runs of one account in Temporal, one after the other, and terminates the last. Temporal may be down meanwhile. */
export async function cancelRuns(
  real: RealStack,
  facts: Facts,
  stop: AbortSignal,
): Promise<Pick<Disturbances, 'cancelled' | 'terminated'>> {
  const { temporal_address: address, temporal_namespace: namespace } = real.stack.describe();
  const connection = openConnection({ address });
  const handle = new Client({ connection, namespace }).workflow.getHandle(
    connectionWorkflowId(await oldestAccount(facts)),
  );
  const done = { cancelled: 0, terminated: 0 };
  while (!stop.aborted && done.terminated === 0) {
    await sleep(pollMs, undefined, { signal: stop }).catch(() => undefined);
    try {
      if ((await handle.describe()).status.name !== 'RUNNING') continue;
      const isLast = done.cancelled === timesCancelled;
      await (isLast ? handle.terminate() : handle.cancel());
      done[isLast ? 'terminated' : 'cancelled'] += 1;
      await sleep(2_000);
    } catch (error) {
      if (!(error instanceof WorkflowNotFoundError)) await sleep(pollMs);
    }
  }
  await connection.close();
  return done;
}

async function oldestAccount(facts: Facts): Promise<string> {
  for (;;) {
    const [row] = await facts.rows('select id from accounts order by id limit 1');
    if (row) return row.id as string;
    await sleep(pollMs);
  }
}

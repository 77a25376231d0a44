import { fileURLToPath } from 'node:url';
import { setTimeout as pause } from 'node:timers/promises';
import { ScheduleOverlapPolicy, type Client } from '@temporalio/client';
import { NativeConnection, Worker } from '@temporalio/worker';
import { evidenceOf } from '../../db/queries/visits/visit-evidence.ts';
import { settleVisits } from '../../db/queries/visits/settle-visits.ts';
import { rows, sql } from '../../db/sql.ts';
import { newId } from '../../platform/ids.ts';
import type { Context } from '../../services/context.ts';
import { visitAccount } from '../../services/visits/visit-account.ts';
import { createSharedTargets } from '../../services/visits/webhook-targets.ts';
import { installRuntime } from '../../workers/runtime.ts';
import { isCharged } from '../measure.ts';
import { fleetOwner } from './fleet.ts';
import { converterOf, type SweepRun } from './run.ts';

const queue = 'bench-schedules';
const idOf = (account: string): string => `bench-schedule/${account}`;

/**
 * The common way: one Schedule for each account, which starts a workflow of one activity that visits it as the sweep does. Fires
 * all of them once, and waits for the last one.
 */
export async function runSchedules(context: Context, client: Client): Promise<SweepRun> {
  const accounts = await context.db.system((em) =>
    rows<{ id: string }>(em, sql`select id from accounts where owner = ${fleetOwner} order by id`),
  );
  installRuntime(context.log);
  const connection = await NativeConnection.connect({ address: context.config.TEMPORAL_ADDRESS });
  const worker = await Worker.create({
    connection,
    namespace: context.config.TEMPORAL_NAMESPACE,
    dataConverter: converterOf(context),
    taskQueue: queue,
    workflowsPath: fileURLToPath(new URL('./workflow.ts', import.meta.url)),
    // As the sweep: two leases of credentials, each with so many visits at the same time.
    maxConcurrentActivityTaskExecutions: 20,
    activities: { visitOne: (id: string) => visitOne(context, id) },
  });
  try {
    return await worker.runUntil(
      fireAll(
        client,
        accounts.map(({ id }) => id),
      ),
    );
  } finally {
    await connection.close();
  }
}

async function fireAll(client: Client, accounts: readonly string[]): Promise<SweepRun> {
  for (const account of accounts)
    await client.schedule.create({
      scheduleId: idOf(account),
      spec: { intervals: [{ every: '5 minutes' }] },
      action: {
        type: 'startWorkflow',
        workflowType: 'visitOneAccount',
        workflowId: idOf(account),
        taskQueue: queue,
        args: [account],
      },
      policies: { overlap: ScheduleOverlapPolicy.SKIP },
      state: { paused: true },
    });
  const began = performance.now();
  await Promise.all(accounts.map((account) => client.schedule.getHandle(idOf(account)).trigger()));
  const handles = await Promise.all(
    accounts.map(async (account) => {
      const { runId, workflowId } = await firstRun(client, account);
      const handle = client.workflow.getHandle(workflowId, runId);
      await handle.result();
      return handle;
    }),
  );
  const seconds = (performance.now() - began) / 1_000;
  let [actions, events] = [0, 0];
  for (const handle of handles) {
    const history = (await handle.fetchHistory()).events ?? [];
    // One more for what the Schedule did.
    actions += 1 + history.filter(isCharged).length;
    events += history.length;
  }
  for (const account of accounts) await client.schedule.getHandle(idOf(account)).delete();
  return { seconds, actions, events };
}

async function firstRun(client: Client, account: string): Promise<{ workflowId: string; runId: string }> {
  for (;;) {
    const [first] = (await client.schedule.getHandle(idOf(account)).describe()).info.recentActions;
    if (first?.action.type === 'startWorkflow')
      return { workflowId: first.action.workflow.workflowId, runId: first.action.workflow.firstExecutionRunId };
    await pause(50);
  }
}

async function visitOne(context: Context, accountId: string): Promise<void> {
  const lease = newId();
  const [now, targets] = [context.clock.now(), createSharedTargets()];
  await context.db.system((em) =>
    rows(em, sql`update account_visits set lease = ${lease} where account_id = ${accountId} and lease is null`),
  );
  const [evidence] = await context.db.system((em) => evidenceOf(em, lease, [accountId], now));
  if (!evidence) return;
  const group = { context, targets, lease, upSince: null, signal: AbortSignal.timeout(60_000) };
  const { settled } = await visitAccount(group, evidence);
  await context.db.system((em) => settleVisits(em, lease, [settled], context.clock.now()));
}

import { setTimeout as pause } from 'node:timers/promises';
import { Client } from '@temporalio/client';
import { isCharged } from '../measure.ts';
import type { Context } from '../../services/context.ts';
import { createDataConverter } from '../../temporal/codec.ts';
import { scheduleId } from '../../temporal/schedules.ts';
import { connect } from '../../temporal/connect.ts';

/** Reads and seals payloads with the keys of the installation. */
export const converterOf = ({ db, vault }: Context) => createDataConverter(() => vault.keysOf(db, null));

/** A client of the Temporal that an installation uses. */
export async function openClient(context: Context): Promise<Client> {
  const connection = await connect({ address: context.config.TEMPORAL_ADDRESS });
  return new Client({
    connection,
    namespace: context.config.TEMPORAL_NAMESPACE,
    dataConverter: converterOf(context),
  });
}

/** What a run of the sweep took. */
export interface SweepRun {
  seconds: number;
  /** Of the run, with one heartbeat for each activity and further ones for each minute, and one for the Schedule. */
  actions: number;
  events: number;
}

/** Between two heartbeats that reach the server, in milliseconds. */
const heartbeatMs = 60_000;

/** Triggers the sweep of platforms and waits for its end. */
export async function runSweep(client: Client, taskQueue: string, withinMs: number): Promise<SweepRun> {
  const schedule = client.schedule.getHandle(scheduleId('syncPlatforms', taskQueue));
  const before = await newestRun(schedule);
  await schedule.trigger();
  for (const end = Date.now() + withinMs; Date.now() < end; await pause(200)) {
    const run = await newestRun(schedule);
    if (!run || run.runId === before?.runId) continue;
    const handle = client.workflow.getHandle(run.workflowId, run.runId);
    await handle.result();
    const { events } = await handle.fetchHistory();
    const { startTime, closeTime } = await handle.describe();
    const list = events ?? [];
    return {
      seconds: ((closeTime?.getTime() ?? 0) - startTime.getTime()) / 1_000,
      actions: 1 + list.filter(isCharged).length + heartbeatsOf(list),
      events: list.length,
    };
  }
  throw new Error(`the sweep did not end within ${withinMs / 1_000} s`);
}

async function newestRun(
  schedule: ReturnType<Client['schedule']['getHandle']>,
): Promise<{ workflowId: string; runId: string } | null> {
  const { recentActions } = (await schedule.describe()).info;
  const action = recentActions.at(-1)?.action;
  return action?.type === 'startWorkflow'
    ? { workflowId: action.workflow.workflowId, runId: action.workflow.firstExecutionRunId }
    : null;
}

type Events = NonNullable<Awaited<ReturnType<ReturnType<Client['workflow']['getHandle']>['fetchHistory']>>['events']>;

function heartbeatsOf(events: Events): number {
  const msOf = (event: Events[number]): number => Number(event.eventTime?.seconds ?? 0) * 1_000;
  let sum = 0;
  for (const event of events) {
    const started = event.activityTaskCompletedEventAttributes?.startedEventId;
    const begin = started && events.find(({ eventId }) => eventId?.toString() === started.toString());
    if (begin) sum += 1 + Math.floor((msOf(event) - msOf(begin)) / heartbeatMs);
  }
  return sum;
}

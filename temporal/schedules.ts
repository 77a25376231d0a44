import { ScheduleAlreadyRunning, ScheduleNotFoundError, ScheduleOverlapPolicy, type Client } from '@temporalio/client';
import { TypedSearchAttributes } from '@temporalio/common';
import { searchAttributes } from '../domain/search-attributes.ts';

/** What runs by the clock. */
export interface Schedules {
  /** How often every address book is read, in milliseconds. */
  contactsEveryMs: number;
  /** Off: the Schedule stays, paused, so that the Temporal UI shows why nothing runs. */
  contactsOn: boolean;
}

/** How often pictures that lack are asked for, in milliseconds. */
const picturesEveryMs = 15 * 60_000;
/** Ours on a paused Schedule; one that an operator paused is left alone. */
const switchedOff = 'Switched off by WASENDER_AUTO_SYNC_ENABLED.';

/**
 * Makes the Schedules what the settings say: those that lack, as after the loss of Temporal's database, are made; those
 * that differ are changed in place, so that there is never a second one. Each queue has its own.
 */
export async function ensureSchedules(client: Client, taskQueue: string, wanted: Schedules): Promise<void> {
  await ensure(client, taskQueue, 'syncAllContacts', wanted.contactsEveryMs, wanted.contactsOn);
  await ensure(client, taskQueue, 'fetchPictures', picturesEveryMs, true);
}

export const scheduleId = (workflowType: string, taskQueue: string): string => `${workflowType}/${taskQueue}`;

async function ensure(client: Client, taskQueue: string, type: string, everyMs: number, on: boolean): Promise<void> {
  const id = scheduleId(type, taskQueue);
  const spec = { intervals: [{ every: everyMs }] };
  const handle = client.schedule.getHandle(id);
  try {
    const found = await handle.describe();
    const { paused, note } = found.state;
    const ours = note === switchedOff;
    const right = paused ? !on || !ours : on;
    if (found.spec.intervals?.[0]?.every === everyMs && right) return;
    await handle.update((before) => ({
      ...before,
      spec,
      state: paused && !ours ? before.state : { ...before.state, paused: !on, note: on ? '' : switchedOff },
    }));
  } catch (error) {
    if (!(error instanceof ScheduleNotFoundError)) throw error;
    await client.schedule
      .create({
        scheduleId: id,
        spec,
        action: {
          type: 'startWorkflow',
          workflowType: type,
          workflowId: id,
          taskQueue,
          args: [],
          typedSearchAttributes: new TypedSearchAttributes([{ key: searchAttributes.kind, value: 'sweep' }]),
        },
        policies: { overlap: ScheduleOverlapPolicy.SKIP, catchupWindow: '1 minute' },
        state: { paused: !on, note: on ? '' : switchedOff },
      })
      .catch((late: unknown) => {
        if (!(late instanceof ScheduleAlreadyRunning)) throw late;
      });
  }
}

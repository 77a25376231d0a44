import {
  ScheduleAlreadyRunning,
  ScheduleNotFoundError,
  ScheduleOverlapPolicy,
  WorkflowNotFoundError,
  type Client,
} from '@temporalio/client';
import { TypedSearchAttributes } from '@temporalio/common';
import { searchAttributes } from '../domain/search-attributes.ts';
import { visitPeriodMs } from '../domain/visits.ts';

export interface ScheduleSettings {
  contactsEveryMs: number;
  /** False: the Schedule stays, paused, so that the Temporal UI shows why nothing runs. */
  contactsOn: boolean;
  /** The same of the sweep of platforms. */
  platformsOn: boolean;
  /** Every Schedule is paused until an operator resumes. */
  isPaused: boolean;
}

interface Wanted {
  type: string;
  kind: 'sweep' | 'maintenance';
  summary: string;
  everyMs: number;
  on: boolean;
  /** What switches it off. */
  setting?: string;
}

const minute = 60_000;
const maintenance = 'maintenance';
const tokens = 'refreshTokens';
const platforms = 'syncPlatforms';
/** Sweeps of earlier versions, whose work others do now. */
const retired = ['syncAllConversations'];
const reminders = 'remindOwners';
const analytics = 'aggregateAnalytics';

const wantedSchedules = ({ contactsEveryMs, contactsOn, platformsOn }: ScheduleSettings): Wanted[] => [
  {
    type: 'syncAllContacts',
    kind: 'sweep',
    summary: 'Read every address book that is due',
    everyMs: contactsEveryMs,
    on: contactsOn,
    setting: 'WASENDER_AUTO_SYNC_ENABLED',
  },
  {
    type: platforms,
    kind: 'sweep',
    summary: 'Visit accounts: look for news, at webhooks and at details',
    everyMs: visitPeriodMs,
    on: platformsOn,
    setting: 'PLATFORM_SYNC_ENABLED',
  },
  { type: 'fetchPictures', kind: 'sweep', summary: 'Fetch missing pictures', everyMs: 15 * minute, on: true },
  { type: 'fetchMedia', kind: 'sweep', summary: 'Fetch files of messages', everyMs: 5 * minute, on: true },
  {
    type: tokens,
    kind: 'sweep',
    summary: 'Renew tokens, and ask the owners of those that end soon',
    everyMs: 60 * minute,
    on: true,
  },
  {
    type: reminders,
    kind: 'sweep',
    summary: 'Remind the owners of accounts that wait for them',
    everyMs: 60 * minute,
    on: true,
  },
  {
    type: analytics,
    kind: 'sweep',
    summary: 'Count the days of which messages, sends or syncs changed',
    everyMs: 60 * minute,
    on: true,
  },
  {
    type: maintenance,
    kind: 'maintenance',
    summary: 'Remove what is past its retention and settle what is owed',
    everyMs: minute,
    on: true,
  },
];

/** The notes on a Schedule that was paused from here. A Schedule that an operator paused in the Temporal UI stays paused. */
const paused = 'Paused after a restore: patchbay sending resume ends it.';
const switchedOffBy = 'Switched off by ';
const isOwnNote = (note = ''): boolean => note === paused || note.startsWith(switchedOffBy);

/** Creates missing Schedules and updates the others in place. Each queue has its own. */
export async function ensureSchedules(client: Client, taskQueue: string, settings: ScheduleSettings): Promise<void> {
  for (const wanted of wantedSchedules(settings)) await ensure(client, taskQueue, wanted, settings.isPaused);
  for (const type of retired) await retire(client, scheduleId(type, taskQueue));
}

/** Deletes a Schedule that an earlier version made, with its run: no code of this version continues that. */
async function retire(client: Client, id: string): Promise<void> {
  try {
    await client.schedule.getHandle(id).delete();
    await client.workflow.getHandle(id).terminate('This version has no such sweep any more.');
  } catch (error) {
    if (!(error instanceof ScheduleNotFoundError || error instanceof WorkflowNotFoundError)) throw error;
  }
}

/** Runs the maintenance now, or once more after the present run. */
export const triggerMaintenance = (client: Client, taskQueue: string): Promise<void> =>
  client.schedule.getHandle(scheduleId(maintenance, taskQueue)).trigger(ScheduleOverlapPolicy.BUFFER_ONE);

/** Counts analytics now, or once more after the present run. */
export const triggerAnalytics = (client: Client, taskQueue: string): Promise<void> =>
  client.schedule.getHandle(scheduleId(analytics, taskQueue)).trigger(ScheduleOverlapPolicy.BUFFER_ONE);

/** Renews tokens now, or once more after the run that is under way; not while its Schedule is paused: then false. */
export const triggerTokens = (client: Client, taskQueue: string): Promise<boolean> =>
  trigger(client, taskQueue, tokens);

/** The same for reminders. */
export const triggerReminders = (client: Client, taskQueue: string): Promise<boolean> =>
  trigger(client, taskQueue, reminders);

/** The same of the sweep of platforms. */
export const triggerPlatforms = (client: Client, taskQueue: string): Promise<boolean> =>
  trigger(client, taskQueue, platforms);

async function trigger(client: Client, taskQueue: string, type: string): Promise<boolean> {
  const schedule = client.schedule.getHandle(scheduleId(type, taskQueue));
  if ((await schedule.describe()).state.paused) return false;
  await schedule.trigger(ScheduleOverlapPolicy.BUFFER_ONE);
  return true;
}

export const scheduleId = (workflowType: string, taskQueue: string): string => `${workflowType}/${taskQueue}`;

async function ensure(
  client: Client,
  taskQueue: string,
  { type, kind, summary, everyMs, on, setting }: Wanted,
  isPaused: boolean,
): Promise<void> {
  const id = scheduleId(type, taskQueue);
  const definition = {
    spec: { intervals: [{ every: everyMs }] },
    action: {
      type: 'startWorkflow' as const,
      workflowType: type,
      workflowId: id,
      taskQueue,
      args: [],
      typedSearchAttributes: new TypedSearchAttributes([{ key: searchAttributes.kind, value: kind }]),
      staticSummary: summary,
    },
    policies: { overlap: ScheduleOverlapPolicy.SKIP, catchupWindow: '1 minute' as const },
  };
  const state = { paused: !on || isPaused, note: isPaused ? paused : on ? '' : `${switchedOffBy}${setting}.` };
  try {
    await client.schedule.getHandle(id).update((found) => {
      const pausedByOperator = found.state.paused && !isOwnNote(found.state.note);
      return { ...definition, state: pausedByOperator ? found.state : { ...found.state, ...state } };
    });
  } catch (error) {
    if (!(error instanceof ScheduleNotFoundError)) throw error;
    await client.schedule.create({ scheduleId: id, ...definition, state }).catch((late: unknown) => {
      if (!(late instanceof ScheduleAlreadyRunning)) throw late;
    });
  }
}

import { Client, type WorkflowHandle } from '@temporalio/client';
import { workflowMetadataQuery } from '@temporalio/workflow';
import proto, { type temporal } from '@temporalio/proto';
import { historyToJSON } from '@temporalio/common/lib/proto-utils.js';
import { defaultPayloadConverter } from '@temporalio/common';
import type { Activities } from '../../activities/activities.ts';
import { createDataConverter, decodePayload } from '../../temporal/codec.ts';
import { connectionWorkflowId, syncWorkflowId } from '../../domain/workflow-ids.ts';
import { required } from './database.ts';
import { testKeys } from './key.ts';
import { connect } from '../../temporal/connect.ts';

export type History = temporal.api.history.v1.IHistory;
type Event = temporal.api.history.v1.IHistoryEvent;
const { EventType } = proto.temporal.api.enums.v1;

export async function temporalClient(): Promise<Client> {
  const connection = await connect({ address: required('PATCHBAY_TEST_TEMPORAL_ADDRESS') });
  return new Client({ connection, dataConverter: createDataConverter(async () => testKeys) });
}

/** The history of an account's newest connection run, once that run has ended. */
export async function connectionHistory(client: Client, accountId: string): Promise<History> {
  const handle = client.workflow.getHandle(connectionWorkflowId(accountId));
  await handle.result();
  return handle.fetchHistory();
}

/** The history of an account's newest details sync, once it has ended. */
export async function detailsHistory(client: Client, accountId: string): Promise<History> {
  const handle = client.workflow.getHandle(syncWorkflowId('details', accountId));
  await handle.result();
  return handle.fetchHistory();
}

/** A history as JSON, the format of test/replay/histories. */
export const toJson = (history: History): string => historyToJSON(history);

/** What Temporal Cloud charges for: starts, activities, timers, signals, updates, search-attribute upserts. */
const charged = new Set([
  EventType.EVENT_TYPE_WORKFLOW_EXECUTION_STARTED,
  EventType.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED,
  EventType.EVENT_TYPE_TIMER_STARTED,
  EventType.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED,
  EventType.EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_ACCEPTED,
  EventType.EVENT_TYPE_UPSERT_WORKFLOW_SEARCH_ATTRIBUTES,
]);

export const actionsOf = (history: History): number =>
  (history.events ?? []).filter((event) => charged.has(event.eventType ?? 0)).length;

/** Signals that a run took. */
export const signalsOf = (history: History): number =>
  eventsOf(history).filter((event) => event.eventType === EventType.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED).length;

/** Activities of that name that a run asked for. */
export const activitiesOf = (history: History, name: keyof Activities): number =>
  eventsOf(history).filter((event) => event.activityTaskScheduledEventAttributes?.activityType?.name === name).length;

export const eventsOf = (history: History): Event[] => history.events ?? [];

/** How many events a history has, without the workflow tasks that timed out: a busy machine adds those. */
export function eventCountOf(history: History): number {
  const events = eventsOf(history);
  const late = events.flatMap(({ eventId, workflowTaskTimedOutEventAttributes: timedOut }) =>
    timedOut ? [eventId, timedOut.scheduledEventId, timedOut.startedEventId] : [],
  );
  const lateIds = new Set(late.map(String));
  return events.filter(({ eventId }) => !lateIds.has(String(eventId))).length;
}

type Payload = temporal.api.common.v1.IPayload | null | undefined;
const opened = (payload: Payload): any =>
  payload ? defaultPayloadConverter.fromPayload(decodePayload(testKeys, payload)) : null;

/** Activities with summary and result, timers with their summary, signals with their argument, in order. */
export function shownOf(history: History): { kind: string; name: string; summary: any; value: any }[] {
  const events = eventsOf(history);
  const resultOf = (scheduled: Event): unknown => {
    const completed = events.find(({ activityTaskCompletedEventAttributes: end }) =>
      end?.scheduledEventId?.eq(scheduled.eventId ?? 0),
    );
    return opened(completed?.activityTaskCompletedEventAttributes?.result?.payloads?.[0]);
  };
  return events.flatMap((event) => {
    const summary = opened(event.userMetadata?.summary);
    const { activityTaskScheduledEventAttributes: activity, workflowExecutionSignaledEventAttributes: signal } = event;
    if (activity)
      return [{ kind: 'activity', name: activity.activityType?.name ?? '', summary, value: resultOf(event) }];
    if (event.timerStartedEventAttributes) return [{ kind: 'timer', name: 'timer', summary, value: null }];
    if (!signal) return [];
    return [{ kind: 'signal', name: signal.signalName ?? '', summary, value: opened(signal.input?.payloads?.[0]) }];
  });
}

/** What the UI shows as the current details of a run. */
export const detailsOf = async (handle: WorkflowHandle): Promise<string> =>
  (await handle.query(workflowMetadataQuery)).currentDetails ?? '';

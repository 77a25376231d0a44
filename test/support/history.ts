import { Client, Connection } from '@temporalio/client';
import { temporal } from '@temporalio/proto';
import { historyToJSON } from '@temporalio/common/lib/proto-utils.js';
import { createDataConverter } from '../../temporal/codec.ts';
import { connectionWorkflowId, syncWorkflowId } from '../../domain/workflow-ids.ts';
import { required } from './database.ts';
import { testKeys } from './key.ts';

export type History = temporal.api.history.v1.IHistory;
type Event = temporal.api.history.v1.IHistoryEvent;
const { EventType } = temporal.api.enums.v1;

export async function temporalClient(): Promise<Client> {
  const connection = await Connection.connect({ address: required('PATCHBAY_TEST_TEMPORAL_ADDRESS') });
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

export const eventsOf = (history: History): Event[] => history.events ?? [];

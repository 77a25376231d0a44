import { Client, Connection } from '@temporalio/client';
import proto from '@temporalio/proto';
import type { BenchStack } from './stack.ts';

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

/** Actions and history events of a workflow's newest execution, with those that it continued. */
export async function temporalCost(
  stack: BenchStack,
  workflowId: string,
): Promise<{ actions: number; events: number }> {
  const { temporal_address: address, temporal_namespace: namespace } = stack.describe();
  const connection = await Connection.connect({ address });
  try {
    const client = new Client({ connection, namespace });
    const cost = { actions: 0, events: 0 };
    for (let runId: string | undefined, more = true; more;) {
      const { events } = await client.workflow.getHandle(workflowId, runId).fetchHistory();
      cost.events += events?.length ?? 0;
      cost.actions += (events ?? []).filter(({ eventType }) => charged.has(eventType ?? 0)).length;
      runId = events?.[0]?.workflowExecutionStartedEventAttributes?.continuedExecutionRunId ?? undefined;
      more = Boolean(runId);
    }
    return cost;
  } finally {
    await connection.close();
  }
}

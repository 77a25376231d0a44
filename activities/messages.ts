import { Context as ActivityContext } from '@temporalio/activity';
import type { Context } from '../services/context.ts';
import { drainSends } from '../services/messages/drain-sends.ts';
import type { SendRef } from '../services/messages/take-send.ts';

export const messageActivities = (context: Context) => ({
  drainSends: (ref: SendRef) => {
    const { info, cancellationSignal: signal } = ActivityContext.current();
    const run = `${info.workflowExecution?.workflowId}/${info.workflowExecution?.runId}`;
    return drainSends(context, ref, { run, id: `${run}/${info.activityId}/${info.attempt}`, signal });
  },
});

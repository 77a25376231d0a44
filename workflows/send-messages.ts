import { condition, continueAsNew, setCurrentDetails, setHandler, workflowInfo } from '@temporalio/workflow';
import { sends } from './activity-options.ts';
import { refresh, type SendMessagesInput } from './messages.ts';

interface SendCounts {
  sent: number;
  failed: number;
}

/**
 * Drains the queue of an account. Everything is in PostgreSQL: the history grows with time, not with messages. `before`: what
 * earlier runs of the same queue did; the result includes it.
 */
export async function sendMessages(
  input: SendMessagesInput,
  before: SendCounts = { sent: 0, failed: 0 },
): Promise<SendCounts> {
  let refreshRequested = false;
  const counts = { ...before };
  setHandler(refresh, () => {
    refreshRequested = true;
  });
  for (;;) {
    refreshRequested = false;
    const { sent, failed, more, waitMs } = await sends.drainSends.executeWithOptions(
      { summary: 'Send what is queued' },
      [{ ...input, now: Date.now() }],
    );
    counts.sent += sent;
    counts.failed += failed;
    setCurrentDetails(`So far: ${counts.sent} sent, ${counts.failed} failed.`);
    if (waitMs !== null) await condition(() => refreshRequested, waitMs);
    else if (!more && !refreshRequested) return counts;
    if (workflowInfo().continueAsNewSuggested) await continueAsNew<typeof sendMessages>(input, counts);
  }
}

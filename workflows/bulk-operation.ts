import {
  allHandlersFinished,
  CancellationScope,
  condition,
  continueAsNew,
  isCancellation,
  setCurrentDetails,
  setHandler,
  workflowInfo,
} from '@temporalio/workflow';
import type { BulkProgress } from '../domain/bulk.ts';
import { bulk, inBackfill } from './activity-options.ts';
import { refresh, type BulkInput } from './messages.ts';

/**
 * Its accounts and how far it is are in PostgreSQL: the history grows with time, and a new run continues a long one. While
 * the operation is paused nothing runs. The result is how many accounts ended in which way.
 */
export async function bulkOperation(
  input: BulkInput,
  before: BulkProgress['counts'] = {},
): Promise<BulkProgress['counts']> {
  let refreshRequested = false;
  let counts = before;
  setHandler(refresh, () => {
    refreshRequested = true;
  });
  for (;;) {
    refreshRequested = false;
    const progress = await work(input);
    if (progress.state !== 'busy') {
      counts = progress.counts;
      setCurrentDetails(describe(progress));
    }
    if (!progress.more && !refreshRequested) return counts;
    if (progress.more && progress.restMs > 0)
      await condition(() => refreshRequested, progress.restMs, { summary: 'Rest' });
    if (workflowInfo().continueAsNewSuggested && allHandlersFinished())
      await continueAsNew<typeof bulkOperation>(input, counts);
  }
}

async function work(input: BulkInput): Promise<BulkProgress> {
  const ref = () => ({ ...input, now: Date.now() });
  try {
    return await bulk.workBulk.executeWithOptions({ ...inBackfill(), summary: 'Work on the operation' }, [ref()]);
  } catch (error) {
    if (!isCancellation(error)) throw error;
    await CancellationScope.nonCancellable(() =>
      bulk.cancelBulk.executeWithOptions({ summary: 'Cancel the operation' }, [ref()]),
    );
    throw error;
  }
}

const describe = ({ state, counts }: BulkProgress): string => {
  const counted = Object.entries(counts).map(([what, count]) => `${what} ${count}`);
  return [`State: ${state}.`, ...(counted.length ? [`So far: ${counted.join(', ')}.`] : [])].join('\n\n');
};

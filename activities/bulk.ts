import { cancellationSignal } from '@temporalio/activity';
import { workBulk, type BulkRef } from '../services/bulk/work.ts';
import { cancelOperation } from '../services/bulk/change.ts';
import { Problem } from '../services/problem.ts';
import type { Context } from '../services/context.ts';

export const bulkActivities = (context: Context) => ({
  workBulk: (ref: BulkRef) => workBulk(context, ref, cancellationSignal()),
  /** Nothing happens where it has ended. */
  cancelBulk: async (ref: BulkRef) => {
    await cancelOperation(context, ref).catch((error: unknown) => {
      if (!(error instanceof Problem)) throw error;
    });
  },
});

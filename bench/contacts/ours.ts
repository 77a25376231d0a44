import { syncWorkflowId } from '../../domain/workflow-ids.ts';
import { until, type BenchStack } from '../stack.ts';
import { temporalCost } from '../measure.ts';

/** A run of the product's contact sync, as the API answers it. */
export interface Run {
  id: string;
  state: string;
  reason: string | null;
  stats: Record<string, number>;
  ended_at: string | null;
}

/** Enough for a large address book on a slow machine, in milliseconds. */
const limit = 600_000;
/** Between two polls, in milliseconds: each poll takes processor time from the run, which records its own end. */
const pause = 500;

/** Syncs an account's contacts; answers the run, and the seconds from the request to the end that the run recorded. */
export async function sync(stack: BenchStack, accountId: string): Promise<{ run: Run; seconds: number }> {
  const began = Date.now();
  const { id } = await stack.api<Run>('POST', `/accounts/${accountId}/syncs`, { kind: 'contacts' });
  const ended = async (): Promise<Run | null> => {
    const run = await stack.api<Run>('GET', `/syncs/${id}`);
    return run.state === 'running' ? null : run;
  };
  const run = await until('the end of a sync', ended, limit, pause);
  if (run.state !== 'succeeded') throw new Error(`the sync ${run.state}: ${run.reason}`);
  return { run, seconds: (Date.parse(run.ended_at ?? '') - began) / 1000 };
}

/** What that account's newest run cost in Temporal. */
export const costAtTemporal = (stack: BenchStack, accountId: string): Promise<{ actions: number; events: number }> =>
  temporalCost(stack, syncWorkflowId('contacts', accountId));

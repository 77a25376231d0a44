import { syncWorkflowId } from '../../domain/workflow-ids.ts';
import { until, type BenchStack } from '../stack.ts';
import { temporalCost } from '../temporal-cost.ts';

/** A run of the product's own contact sync, as the API tells it. */
export interface Run {
  id: string;
  state: string;
  reason: string | null;
  stats: Record<string, number>;
  ended_at: string | null;
}

/** A large book on a slow machine, in milliseconds. */
const patience = 600_000;
/** Between two looks, in milliseconds: the run tells itself when it ended, and each look takes from its processors. */
const pause = 500;

/** Syncs an account's contacts; answers the run, and its seconds from the request to the end that the run tells. */
export async function sync(stack: BenchStack, accountId: string): Promise<{ run: Run; seconds: number }> {
  const began = Date.now();
  const { id } = await stack.api<Run>('POST', `/accounts/${accountId}/syncs`, { kind: 'contacts' });
  const look = async (): Promise<Run | null> => {
    const run = await stack.api<Run>('GET', `/syncs/${id}`);
    return run.state === 'running' ? null : run;
  };
  const run = await until('the end of a sync', look, patience, pause);
  if (run.state !== 'succeeded') throw new Error(`the sync ${run.state}: ${run.reason}`);
  return { run, seconds: (Date.parse(run.ended_at ?? '') - began) / 1000 };
}

/** What the run of that account took at Temporal. */
export const costAtTemporal = (stack: BenchStack, accountId: string): Promise<{ actions: number; events: number }> =>
  temporalCost(stack, syncWorkflowId('contacts', accountId));

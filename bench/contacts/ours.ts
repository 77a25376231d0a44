import { syncWorkflowId } from '../../domain/workflow-ids.ts';
import { until, type BenchStack } from '../stack.ts';
import { temporalCost } from '../measure.ts';

/** As the API returns it. */
export interface Run {
  id: string;
  state: string;
  reason: string | null;
  stats: Record<string, number>;
  ended_at: string | null;
}

/** Enough for a large address book on a slow machine, in milliseconds. */
const limit = 600_000;
/** Each poll takes processor time from the run, which records its own end. */
const pause = 500;

/** `seconds`: from the request to the end that the run recorded. */
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

/** Of the account's newest run. */
export const costAtTemporal = (stack: BenchStack, accountId: string): Promise<{ actions: number; events: number }> =>
  temporalCost(stack, syncWorkflowId('contacts', accountId));

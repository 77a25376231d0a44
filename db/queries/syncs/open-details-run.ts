import { newId } from '../../../platform/ids.ts';
import type { Em } from '../../connect.ts';
import { openRuns } from './open-runs.ts';

/** A running run runs once more instead; returns the id. */
export async function openDetailsRun(em: Em, accountId: string, now: Date): Promise<string> {
  const [id] = await openRuns(em, 'details', [{ id: newId(), accountId, scope: '', target: null }], now);
  return id ?? '';
}

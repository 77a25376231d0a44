import type { Em } from '../../connect.ts';
import { rows, sql } from '../../sql.ts';

/** A run of a sync that was about one person or group, sealed in its target. */
export interface TargetedRun {
  id: string;
  target: string;
}

/** The tenant's runs with a target after `after`, by id. */
export const targetedRunsAfter = (em: Em, after: string, limit: number): Promise<TargetedRun[]> =>
  rows<TargetedRun>(
    em,
    sql`select id, target from sync_runs where target is not null and id > ${after} order by id limit ${limit}`,
  );

/** Deletes runs; answers how many there were. */
export async function deleteRuns(em: Em, ids: readonly string[]): Promise<number> {
  return (await rows(em, sql`delete from sync_runs where id = any(${ids}::uuid[]) returning id`)).length;
}

import type { Em } from '../../connect.ts';
import { rows, sql } from '../../sql.ts';

export interface TargetedRun {
  id: string;
  target: string;
}

export const targetedRunsAfter = (em: Em, after: string, limit: number): Promise<TargetedRun[]> =>
  rows<TargetedRun>(
    em,
    sql`select id, target from sync_runs where target is not null and id > ${after} order by id limit ${limit}`,
  );

export async function deleteRuns(em: Em, ids: readonly string[]): Promise<number> {
  return (await rows(em, sql`delete from sync_runs where id = any(${ids}::uuid[]) returning id`)).length;
}

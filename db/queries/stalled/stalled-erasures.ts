import type { Em } from '../../connect.ts';
import { rows, sql } from '../../sql.ts';

/** Erasures whose workflow may be lost. System role. */
export const stalledErasures = (
  em: Em,
  since: Date,
  after: string,
  limit: number,
): Promise<{ id: string; tenant_id: string }[]> =>
  rows(
    em,
    sql`select id, tenant_id from erasures
        where state = 'running' and requested_at < ${since} and id > ${after}::uuid
        order by id limit ${limit}`,
  );

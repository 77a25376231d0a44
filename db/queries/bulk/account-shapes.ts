import type { AccountShape } from '../../../domain/bulk.ts';
import type { Em } from '../../connect.ts';
import { rows, sql, type Sql } from '../../sql.ts';
import { andAll } from '../updates/account-conditions.ts';

/** Accounts that are alike in all that decides, with some of their ids. */
export interface ShapeGroup extends AccountShape {
  n: number;
  examples: string[];
}

/** Ids of each group. */
const examples = 3;

/** The tenant's accounts that conditions on `a` find, in groups of equal ones. `label`: what is compared with theirs. */
export const accountShapes = (
  em: Em,
  tenantId: string,
  conditions: readonly Sql[],
  label: string | null,
): Promise<ShapeGroup[]> =>
  rows(
    em,
    sql`select s.provider, s.channel, s.state, s.reason, s.linked, s.running, s.purged, s.labelled, count(*)::int as n, (array_agg(id order by id))[1:${sql.lit(examples)}] as examples from (
          select a.provider, a.channel, a.state, a.reason, a.provider_account_id is not null as linked,
            case when t.state = 'running' then t.operation end as running,
            coalesce(t.operation = 'disconnect' and t.purge and t.state = 'succeeded', false) as purged,
            a.label is not distinct from ${label}::text as labelled, a.id
          from accounts a left join lateral (
            select operation, purge, state from connection_attempts where account_id = a.id order by number desc limit 1
          ) t on true
          where a.tenant_id = ${tenantId} and a.merged_into is null ${andAll(conditions)}) s
        group by s.provider, s.channel, s.state, s.reason, s.linked, s.running, s.purged, s.labelled
        order by n desc, examples`,
  );

/** How many of these ids are accounts of the tenant. */
export async function countKnown(em: Em, tenantId: string, ids: readonly string[]): Promise<number> {
  const [found] = await rows<{ n: number }>(
    em,
    sql`select count(*)::int as n from accounts where tenant_id = ${tenantId} and id = any(${[...ids]}::uuid[])`,
  );
  return found?.n ?? 0;
}

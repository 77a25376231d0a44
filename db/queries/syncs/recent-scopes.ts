import type { Em } from '../../connect.ts';
import { recordset, rows, sql } from '../../sql.ts';
import type { NewRun } from './open-runs.ts';

/** The scopes of these runs for which their accounts had a run that began after `since`. */
export async function recentScopes(
  em: Em,
  runs: readonly Pick<NewRun, 'accountId' | 'scope'>[],
  since: Date,
): Promise<Set<string>> {
  if (!runs.length) return new Set();
  const found = await rows<{ scope: string }>(
    em,
    sql`select distinct r.scope from ${recordset(runs, sql`("accountId" uuid, scope text)`)} as r
        join sync_runs s on s.account_id = r."accountId" and s.kind = 'contacts' and s.scope = r.scope and s.scope <> ''
          and s.started_at > ${since}`,
  );
  return new Set(found.map(({ scope }) => scope));
}

import type { VisitOutcome, WebhookState } from '../../../domain/visits.ts';
import type { Em } from '../../connect.ts';
import { rows, sql } from '../../sql.ts';

/** What the last visit of an account found; times are RFC 3339. */
export interface VisitResult {
  account_id: string;
  provider: string;
  channel: string;
  outcome: VisitOutcome | null;
  reason: string | null;
  messages: number;
  webhook: WebhookState | null;
  visited_at: string | null;
  next_visit_at: string | null;
}

/** How many of these accounts were not visited since a time. System role. */
export async function countUnvisited(em: Em, accounts: readonly string[], since: Date): Promise<number> {
  const [found] = await rows<{ n: number }>(
    em,
    sql`select count(*)::int as n from account_visits
        where account_id = any(${accounts}::uuid[]) and due_at is not null
          and (lease is not null or again or coalesce(visited_at < ${since}, true))`,
  );
  return found?.n ?? 0;
}

/** System role. */
export const visitResults = (em: Em, accounts: readonly string[]): Promise<VisitResult[]> =>
  rows(
    em,
    sql`select v.account_id, a.provider, a.channel, v.outcome, v.reason, v.found as messages, v.webhook_state as webhook,
          to_json(v.visited_at) #>> '{}' as visited_at, to_json(v.due_at) #>> '{}' as next_visit_at
        from account_visits v join accounts a on a.id = v.account_id
        where v.account_id = any(${accounts}::uuid[]) order by v.account_id`,
  );

/** The ids of a tenant's accounts, or of all; or the one that is named, where it is among them. System role. */
export async function accountsToVisit(em: Em, tenantId: string | null, account: string | null): Promise<string[]> {
  const found = await rows<{ id: string }>(
    em,
    sql`select account_id as id from account_visits
        where due_at is not null and (${tenantId}::uuid is null or tenant_id = ${tenantId})
          and (${account}::uuid is null or account_id = ${account})`,
  );
  return found.map(({ id }) => id);
}

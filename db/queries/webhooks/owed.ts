import type { Em } from '../../connect.ts';
import { recordset, rows, sql } from '../../sql.ts';

/** An event by its key. */
export interface EventRef {
  id: string;
  /** RFC 3339, exact. */
  receivedAt: string;
}

/** An account whose workflow must be signalled, with the events that owe it. */
export interface OwedAccount {
  id: string;
  tenantId: string;
  channel: string;
  provider: string;
  events: EventRef[];
}

const batch = 500;

/** Of `accountId`, or of at most `batch` accounts. Skips accounts that another transaction holds. System role. */
export async function applyOwed(em: Em, now: Date, accountId: string | null = null): Promise<OwedAccount[]> {
  const due = accountId ? sql`and account_id = ${accountId}` : sql``;
  return rows<OwedAccount>(
    em,
    sql`with free as (
        select id from accounts where id in (
          select account_id from webhook_events where state = 'received' and kind = 'account_status' ${due})
        limit ${batch} for no key update skip locked),
      checked as (update accounts a set check_requested_at = ${now} from free where a.id = free.id returning a.*),
      applied as (
        update webhook_events e set state = 'processed', processed_at = ${now}, owes_signal = true from free f
        where e.account_id = f.id and e.state = 'received' and e.kind = 'account_status'
        returning e.id, e.received_at, e.account_id)
      select c.id, c.tenant_id as "tenantId", c.channel, c.provider,
        (select jsonb_agg(jsonb_build_object('id', e.id, 'receivedAt', e.received_at)) from applied e
         where e.account_id = c.id) as events
      from checked c where exists (select from applied e where e.account_id = c.id)`,
  );
}

/** These events owe no signal any more. */
export async function clearSignals(em: Em, events: readonly EventRef[]): Promise<void> {
  await rows(
    em,
    sql`update webhook_events e set owes_signal = false
      from ${recordset(events, sql`(id uuid, "receivedAt" timestamptz)`)} as r
      where e.id = r.id and e.received_at = r."receivedAt"`,
  );
}

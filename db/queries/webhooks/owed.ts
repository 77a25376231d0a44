import type { Em } from '../../connect.ts';
import { rows, sql } from '../../sql.ts';

export interface EventRef {
  id: string;
  /** RFC 3339, exact. */
  receivedAt: string;
}

export interface OwedAccount {
  id: string;
  tenantId: string;
  channel: string;
  provider: string;
  events: EventRef[];
}

const batch = 500;

/** Skips accounts that another transaction holds; a given `accountId` is waited for, up to 5 s. System role. */
export async function applyOwed(em: Em, now: Date, accountId: string | null = null): Promise<OwedAccount[]> {
  if (accountId) await rows(em, sql`select set_config('lock_timeout', '5s', true)`);
  const due = accountId ? sql`and account_id = ${accountId}` : sql``;
  const passOver = accountId ? sql`` : sql`skip locked`;
  return rows<OwedAccount>(
    em,
    sql`with due as (
        select id, received_at, account_id from webhook_events where state = 'received' ${due}
        order by received_at limit ${batch}),
      free as (
        select id from accounts where id in (select account_id from due) order by id for no key update ${passOver}),
      checked as (update accounts a set check_requested_at = ${now} from free where a.id = free.id returning a.*),
      applied as (
        update webhook_events e set state = 'processed', processed_at = ${now}, owes_signal = true from due d, free f
        where e.id = d.id and e.received_at = d.received_at and e.account_id = f.id and e.state = 'received'
        returning e.id, e.received_at, e.account_id)
      select c.id, c.tenant_id as "tenantId", c.channel, c.provider,
        (select jsonb_agg(jsonb_build_object('id', e.id, 'receivedAt', e.received_at)) from applied e
         where e.account_id = c.id) as events
      from checked c where exists (select from applied e where e.account_id = c.id)`,
  );
}

export async function clearSignals(em: Em, events: readonly EventRef[]): Promise<void> {
  await rows(
    em,
    sql`update webhook_events e set owes_signal = false
      from jsonb_to_recordset(${JSON.stringify(events)}::jsonb) as r (id uuid, "receivedAt" timestamptz)
      where e.id = r.id and e.received_at = r."receivedAt"`,
  );
}

import type { Em } from '../../connect.ts';
import { recordset, rows, sql } from '../../sql.ts';
import type { EventRef } from './owed.ts';

/** An account with events whose effect on contacts is owed. */
export interface OwedContacts {
  accountId: string;
  tenantId: string;
  provider: string;
}

/** An owed event with the sealed body of its request, which is null where it was not kept. */
export interface OwedContactEvent extends EventRef {
  requestId: string;
  position: number;
  providerAccountId: string | null;
  /** Of the request: with whose keys the body is sealed. */
  tenantId: string | null;
  body: string | null;
}

const isOwed = sql`e.state = 'received' and e.kind = 'contact'`;
/** Events that are applied together, and characters of their sealed bodies; the first is taken whatever its length. */
const most = { events: 100, characters: 2_000_000 };

const length = sql`coalesce((select octet_length(b.body) from webhook_requests b
  where b.id = e.request_id and b.received_at = e.received_at), 0)`;

/** Whether anything is owed in bodies of at most `longest` characters. System role. */
export async function isContactOwed(em: Em, longest: number): Promise<boolean> {
  const [found] = await rows<{ owed: boolean }>(
    em,
    sql`select exists (select from webhook_events e where ${isOwed} and ${length} <= ${longest}) as owed`,
  );
  return found?.owed ?? false;
}

/** The next account by id after `after`, with anything owed in such bodies. Locks nothing. System role. */
export async function nextOwedContacts(em: Em, after: string, longest: number): Promise<OwedContacts | null> {
  const [found] = await rows<OwedContacts>(
    em,
    sql`select e.account_id as "accountId", e.tenant_id as "tenantId", e.provider from webhook_events e
      where ${isOwed} and e.account_id > ${after} and ${length} <= ${longest}
      order by e.account_id limit 1`,
  );
  return found ?? null;
}

/** Locks the oldest events that an account owes, except those that another transaction holds. */
export const lockOwedContacts = (em: Em, accountId: string, longest: number): Promise<OwedContactEvent[]> =>
  rows<OwedContactEvent>(
    em,
    sql`with owed as (
        select e.id, e.received_at, e.request_id, e.position, e.provider_account_id, ${length} as length
        from webhook_events e where ${isOwed} and e.account_id = ${accountId} and ${length} <= ${longest}
        order by e.received_at limit ${most.events} for update skip locked),
      summed as (
        select o.*, sum(length) over (order by received_at, id) as "upTo",
          row_number() over (order by received_at, id) as number from owed o)
      select s.id, to_jsonb(s.received_at)#>>'{}' as "receivedAt", s.request_id as "requestId", s.position,
        s.provider_account_id as "providerAccountId", r.tenant_id as "tenantId", r.body
      from summed s left join webhook_requests r on r.id = s.request_id and r.received_at = s.received_at
      where s.number = 1 or s."upTo" <= ${most.characters}
      order by s.number`,
  );

/** Ends what events owe; with an error they are failed, to be replayed. */
export async function settleOwedContacts(
  em: Em,
  events: readonly EventRef[],
  now: Date,
  error: string | null,
): Promise<void> {
  await rows(
    em,
    sql`update webhook_events e set state = ${error === null ? 'processed' : 'failed'}, error = coalesce(${error}, e.error),
        processed_at = ${now}
      from ${recordset(events, sql`(id uuid, "receivedAt" timestamptz)`)} as r
      where e.id = r.id and e.received_at = r."receivedAt"`,
  );
}

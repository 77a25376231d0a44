import type { Em } from '../../connect.ts';
import { recordset, rows, sql } from '../../sql.ts';
import { fenceKeySql } from './intake-fence.ts';
import { knownAccountsSql, type KnownAccount } from './known-accounts.ts';

export interface ClaimingEvent {
  id: string;
  key: string;
  /** A key that counts in its place while it is younger than `priorSince`. */
  prior: string | null;
}

export interface ClaimedKey {
  key: string;
  eventId: string;
  /** RFC 3339, exact. */
  receivedAt: string;
}

export interface IntakeRef {
  credentialsId: string;
  tenantId: string | null;
}

/** The first statement of intake. Claims keys in order, so that two requests never deadlock. System role. */
export async function claimKeys(
  em: Em,
  { credentialsId, tenantId }: IntakeRef,
  events: readonly ClaimingEvent[],
  providerAccountIds: readonly string[],
  receivedAt: Date,
  priorSince: Date,
): Promise<{ keys: ClaimedKey[]; accounts: KnownAccount[] }> {
  const [found] = await rows<{ keys: ClaimedKey[] | null; accounts: KnownAccount[] | null }>(
    em,
    sql`with given as (
        select * from ${recordset(events, sql`(id uuid, key text, prior text)`)} as g),
      claimed as (
        insert into webhook_dedupe as d (credentials_id, key, tenant_id, event_id, received_at)
        select ${credentialsId}::uuid, coalesce(p.key, g.key), ${tenantId}::uuid, g.id, ${receivedAt}::timestamptz
        from given g left join webhook_dedupe p
          on p.credentials_id = ${credentialsId} and p.key = g.prior and p.received_at > ${priorSince}
        order by 2
        on conflict (credentials_id, key) do update set event_id = d.event_id
        returning d.key, d.event_id, d.received_at),
      known as (${knownAccountsSql(credentialsId, providerAccountIds)}),
      entered as (
        select pg_advisory_xact_lock_shared(${fenceKeySql(sql`tenant`)})::text as locked from (
          select "tenantId"::text as tenant from known union select ${tenantId ?? ''}) t)
      select
        (select jsonb_agg(jsonb_build_object('key', key, 'eventId', event_id, 'receivedAt', received_at))
         from claimed) as keys,
        (select jsonb_agg(to_jsonb(k)) from known k) as accounts,
        (select count(locked) from entered) as fences`,
  );
  return { keys: found?.keys ?? [], accounts: found?.accounts ?? [] };
}

import type { Em } from '../../connect.ts';
import { prepared, recordset, rows, sql } from '../../sql.ts';
import { fenceKeySql } from './intake-fence.ts';
import { proofsHoldSql, type WebhookSender } from './secrets.ts';
import { knownAccountsSql, type AskedLogin, type KnownAccount } from './known-accounts.ts';

export interface ClaimingEvent {
  id: string;
  credentialsId: string;
  /** Of the credentials. */
  tenantId: string | null;
  key: string;
  /** A key that counts in its place while it is younger than `priorSince`. */
  prior: string | null;
  receivedAt: Date;
}

export interface ClaimedKey {
  credentialsId: string;
  key: string;
  eventId: string;
  /** RFC 3339, exact. */
  receivedAt: string;
}

const claiming = sql`(id uuid, "credentialsId" uuid, "tenantId" uuid, key text, prior text, "receivedAt" timestamptz)`;

/**
 * The first statement of intake; each key of credentials is given once. Claims keys in order, so that two transactions never
 * deadlock. `isProven`: the secrets of all `senders` are still right. System role.
 */
export async function claimKeys(
  em: Em,
  events: readonly ClaimingEvent[],
  logins: readonly AskedLogin[],
  priorSince: Date,
  senders: readonly WebhookSender[],
): Promise<{ keys: ClaimedKey[]; accounts: KnownAccount[]; isProven: boolean }> {
  const tenants = [...new Set(events.map(({ tenantId }) => tenantId ?? ''))];
  const [found] = await rows<{ keys: ClaimedKey[] | null; accounts: KnownAccount[] | null; isProven: boolean }>(
    em,
    prepared(sql`with given as (
        select * from ${recordset(events, claiming)} as g),
      claimed as (
        insert into webhook_dedupe as d (credentials_id, key, tenant_id, event_id, received_at)
        -- A sub-select that its key alone finds: a plan that is made while the table is small would go on reading all of it.
        select g."credentialsId", coalesce((
            select case when p.received_at > ${priorSince} then p.key end from webhook_dedupe p
            where p.credentials_id = g."credentialsId" and p.key = g.prior), g.key), g."tenantId", g.id, g."receivedAt"
        from given g
        order by 1, 2
        on conflict (credentials_id, key) do update set event_id = d.event_id
        returning d.credentials_id, d.key, d.event_id, d.received_at),
      known as (${knownAccountsSql(logins)}),
      entered as (
        select pg_advisory_xact_lock_shared(${fenceKeySql(sql`tenant`)})::text as locked from (
          select "tenantId"::text as tenant from known union select unnest(${tenants}::text[])) t)
      select
        (select jsonb_agg(jsonb_build_object(
          'credentialsId', credentials_id, 'key', key, 'eventId', event_id, 'receivedAt', received_at))
         from claimed) as keys,
        (select jsonb_agg(to_jsonb(k)) from known k) as accounts,
        (${proofsHoldSql(senders)}) as "isProven",
        (select count(locked) from entered) as fences`),
  );
  return { keys: found?.keys ?? [], accounts: found?.accounts ?? [], isProven: found?.isProven ?? false };
}

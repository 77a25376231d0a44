import type { Em } from '../../connect.ts';
import type { ProviderKey } from '../../entities/conversations.ts';
import { prepared, recordset, rows, sql } from '../../sql.ts';
import { enteredAccounts } from './account-fence.ts';

/** A provider's id of something. `proposed`: what it names where it is new; null for a message that has not come yet. */
export interface AskedKey {
  accountId: string;
  tenantId: string;
  kind: ProviderKey['kind'];
  key: string;
  proposed: string | null;
}

export type FoundKey = Pick<ProviderKey, 'accountId' | 'kind' | 'key' | 'targetId'>;

const asked = sql`("accountId" uuid, "tenantId" uuid, kind text, key text, proposed uuid)`;

/** Other transactions that insert the same keys at the same time. */
const mostRaces = 5;

/**
 * What each key names, those included that this writes; each must be asked for once. Keys of messages are locked: an event
 * and its message never pass each other. The accounts are locked against a purge; whether one was released before shows in a
 * later statement alone.
 */
export async function claimProviderKeys(em: Em, keys: readonly AskedKey[], now: Date): Promise<FoundKey[]> {
  for (let race = 0; race < mostRaces; race += 1) {
    const found = await rows<FoundKey>(
      em,
      prepared(sql`with entered as materialized (${enteredAccounts(keys.map(({ accountId }) => accountId))}),
        given as (
          select g.* from ${recordset(keys, asked)} as g where (select count(locked) from entered) > 0),
        known as (
          select k.account_id, k.kind, k.key, k.target_id from given g
          join provider_keys k on k.account_id = g."accountId" and k.kind = g.kind and k.key = g.key
          order by 1, 2, 3),
        locked as (
          select k.account_id, k.kind, k.key, k.target_id from provider_keys k
          where (k.account_id, k.kind, k.key) in (select account_id, kind, key from known where kind = 'message')
          order by 1, 2, 3 for no key update),
        written as (
          insert into provider_keys (account_id, kind, key, tenant_id, target_id, created_at)
          select "accountId", kind, key, "tenantId", proposed, ${now} from given
          order by 1, 2, 3 on conflict do nothing
          returning account_id, kind, key, target_id)
        select account_id as "accountId", kind, key, target_id as "targetId" from written
        union all select account_id, kind, key, target_id from locked
        union all select account_id, kind, key, target_id from known where kind <> 'message'`),
    );
    // Another transaction wrote one meanwhile, which this statement did not see.
    if (found.length === keys.length) return found;
  }
  throw new Error('Keys of messages were written by others again and again.');
}

import type { Em } from '../../connect.ts';
import { rows, sql } from '../../sql.ts';
import { mostOfGroup } from './provider-groups.ts';

/**
 * Notes on every account of a group that its provider said, signed, that the login ended: a check that cannot be made counts
 * as lost then. Waits for accounts that other transactions hold.
 * Of as many as an event of the group reaches. System role.
 */
export async function noteLost(em: Em, credentialsId: string, group: string, now: Date): Promise<void> {
  await rows(
    em,
    sql`update accounts set told_lost_at = ${now} where id in (
        select id from accounts where provider_groups @> array[${group}] and provider_groups <> '{}'
          and credentials_id = ${credentialsId} and merged_into is null and provider_account_id is not null
        order by id limit ${mostOfGroup} for no key update)`,
  );
}

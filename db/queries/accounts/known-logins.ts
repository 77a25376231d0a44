import type { Em } from '../../connect.ts';
import { rows, sql } from '../../sql.ts';

/** Which of these upstream ids an account or attempt of any tenant has. System role. */
export async function knownLogins(em: Em, providerAccountIds: readonly string[]): Promise<Set<string>> {
  const found = await rows<{ id: string }>(
    em,
    sql`select provider_account_id as id from accounts where provider_account_id = any(${providerAccountIds}::text[])
        union
        select provider_account_id from connection_attempts where provider_account_id = any(${providerAccountIds}::text[])`,
  );
  return new Set(found.map(({ id }) => id));
}

import type { Em } from '../../connect.ts';
import { rows, sql } from '../../sql.ts';

/** Credentials with an accepted key and a webhook not registered at its present address below `base`. System role. */
export async function unregisteredCredentials(em: Em, base: string): Promise<string[]> {
  const found = await rows<{ id: string }>(
    em,
    sql`select id from provider_credentials where registrations <> '[]' and refused_at is null
      and registered_address is distinct from ${base}::text || provider || '/' || webhook_token`,
  );
  return found.map(({ id }) => id);
}

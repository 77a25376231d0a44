import type { Em } from '../../connect.ts';
import { rows, sql } from '../../sql.ts';

/** Has one process register the webhooks of credentials for the next half minute; false where another one does. System role. */
export async function beginRegistering(em: Em, id: string): Promise<boolean> {
  const found = await rows(
    em,
    sql`update provider_credentials set registering_until = now() + interval '30 seconds'
        where id = ${id} and (registering_until is null or registering_until < now()) returning id`,
  );
  return found.length > 0;
}

export async function endRegistering(em: Em, id: string): Promise<void> {
  await rows(em, sql`update provider_credentials set registering_until = null where id = ${id}`);
}

/** Credentials with an accepted key and a webhook not registered at its present address below `base`. System role. */
export async function unregisteredCredentials(em: Em, base: string): Promise<string[]> {
  const found = await rows<{ id: string }>(
    em,
    sql`select id from provider_credentials where registrations <> '[]' and refused_at is null
      and registered_address is distinct from ${base}::text || provider || '/' || webhook_token`,
  );
  return found.map(({ id }) => id);
}

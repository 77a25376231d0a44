import type { Em } from '../../connect.ts';
import { rows, sql } from '../../sql.ts';

export interface ServerRole {
  /** As `server_version_num`: 150004 is 15.4. */
  version: number;
  server: string;
  name: string;
  /** Row-level security does not hold for it. */
  bypassesRowSecurity: boolean;
}

export async function serverRole(em: Em): Promise<ServerRole | undefined> {
  const [role] = await rows<ServerRole>(
    em,
    sql`select current_setting('server_version_num')::int as version,
          split_part(current_setting('server_version'), ' ', 1) as server, rolname as name,
          rolsuper or rolbypassrls as "bypassesRowSecurity"
        from pg_roles where rolname = current_user`,
  );
  return role;
}

/** Whether row-level security is forced on each of our tables. Only partitions that a tenant can read count. */
export const rowSecurityOfTables = (em: Em): Promise<{ name: string; forced: boolean }[]> =>
  rows(
    em,
    sql`select relname as name, relrowsecurity and relforcerowsecurity as forced from pg_class
        where relkind in ('r', 'p') and relnamespace = 'public'::regnamespace and relname <> 'schema_migrations'
          and (not relispartition or has_table_privilege('patchbay_app', oid, 'select')) order by 1`,
  );

/** The migrations that ran; null where the role may not read them: the newest migrations permit it. */
export async function migrationsRun(em: Em): Promise<string[] | null> {
  const [table] = await rows<{ readable: boolean | null }>(
    em,
    sql`select has_table_privilege(to_regclass('public.schema_migrations'), 'select') as readable`,
  );
  if (!table?.readable) return null;
  const run = await rows<{ name: string }>(em, sql`select name from schema_migrations`);
  return run.map(({ name }) => name);
}

import { Account } from '../../db/entities/accounts.ts';
import { rowSecurityOfTables, serverRole } from '../../db/queries/installation/schema.ts';
import { fail, pass, type Check, type Finding } from './check.ts';

/** The oldest PostgreSQL that will do, as PostgreSQL writes versions. */
const oldestVersion = 150_000;

const noTenant = '00000000-0000-0000-0000-000000000000';

/** Reachable, new enough, and both roles can be taken and are subject to row-level security. */
export const database: Check = {
  name: 'database',
  needs: ['configuration'],
  otherwise:
    'Set DATABASE_URL to a running PostgreSQL and to a login that is a member of patchbay_app and patchbay_system ' +
    '(patchbay migrate makes them).',
  look: async (subject) => {
    const db = await subject.database();
    const roles = [await db.system(serverRole), await db.tenant(noTenant, serverRole)].flatMap((role) => role ?? []);
    const [first] = roles;
    const server = first?.server ?? 'unknown';
    if (!first || first.version < oldestVersion)
      return [fail(`PostgreSQL ${server}`, 'Upgrade PostgreSQL to 15 or newer.')];
    const powerful = roles.filter((role) => role.bypassesRowSecurity).map(({ name }) => name);
    if (powerful.length)
      return [
        fail(`${powerful.join(' and ')} may pass by row-level security`, 'alter role … nosuperuser nobypassrls;'),
      ];
    return [pass(`PostgreSQL ${server}, as ${roles.map(({ name }) => name).join(' and ')}`)];
  },
};

/** Every table of ours is under forced row-level security, and the application's role without a tenant sees nothing. */
export const rowSecurity: Check = {
  name: 'row-level security',
  needs: ['database'],
  otherwise: 'Bring the schema up to date as its owner: patchbay migrate.',
  look: async (subject): Promise<Finding[]> => {
    const db = await subject.database();
    const tables = await db.system(rowSecurityOfTables);
    const open = tables.filter(({ forced }) => !forced).map(({ name }) => name);
    if (open.length)
      return [
        fail(
          `not forced on ${open.join(', ')}`,
          `As the schema's owner: alter table ${open[0]} force row level security;`,
        ),
      ];
    if (!tables.some(({ name }) => name === 'accounts'))
      return [fail('there are no tables of ours', 'Bring the schema up to date as its owner: patchbay migrate.')];
    const seen = await db.tenant(noTenant, (em) => em.count(Account));
    if (seen)
      return [fail('a tenant that does not exist sees accounts', 'Restore the policies: compare with db/migrations.')];
    return [pass(`forced on ${tables.length} tables`)];
  },
};

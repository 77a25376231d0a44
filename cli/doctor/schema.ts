import { migrationsList } from '../../db/migrate.ts';
import { migrationsRun } from '../../db/queries/installation/schema.ts';
import { fail, pass, type Check } from './check.ts';

const migrate = 'As the schema’s owner: DATABASE_URL=postgres://<owner>@… patchbay migrate.';

export const schema: Check = {
  name: 'schema',
  needs: ['database'],
  otherwise: migrate,
  look: async (subject) => {
    const db = await subject.database();
    const run = await db.system(migrationsRun);
    if (!run) return [fail('migrations are pending', migrate)];
    const known = migrationsList.map(({ name }) => name);
    const pending = known.filter((name) => !run.includes(name));
    if (pending.length) return [fail(`pending: ${pending.join(', ')}`, migrate)];
    const newer = run.filter((name) => !known.includes(name));
    if (newer.length)
      return [fail(`the database is newer: ${newer.join(', ')}`, 'Run the version that made these migrations.')];
    return [pass(`up to date: ${known.at(-1)}`)];
  },
};

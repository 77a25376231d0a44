import { rows } from '../../db/connect.ts';
import { migrationsList } from '../../db/migrate.ts';
import { fail, pass, type Check } from './check.ts';

const migrate = 'As the schema’s owner: DATABASE_URL=postgres://<owner>@… patchbay migrate.';

export const schema: Check = {
  name: 'schema',
  needs: ['database'],
  otherwise: migrate,
  look: async (subject) => {
    const db = await subject.database();
    const readable = await db.system((em) =>
      rows<{ ok: boolean }>(
        em,
        `select coalesce(has_table_privilege(to_regclass('public.schema_migrations'), 'select'), false) as ok`,
      ),
    );
    // The newest migrations let every role read which ones ran.
    if (!readable[0]?.ok) return [fail('migrations are pending', migrate)];
    const ran = new Set(
      (await db.system((em) => rows<{ name: string }>(em, 'select name from schema_migrations'))).map(
        ({ name }) => name,
      ),
    );
    const known = migrationsList.map(({ name }) => name);
    const pending = known.filter((name) => !ran.has(name));
    if (pending.length) return [fail(`pending: ${pending.join(', ')}`, migrate)];
    const newer = [...ran].filter((name) => !known.includes(name));
    if (newer.length)
      return [fail(`the database is newer: ${newer.join(', ')}`, 'Run the version that made these migrations.')];
    return [pass(`up to date: ${known.at(-1)}`)];
  },
};

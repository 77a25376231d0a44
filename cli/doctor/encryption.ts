import { VaultError } from '../../platform/cipher.ts';
import { rows, type Database, type Em } from '../../db/connect.ts';
import { sealedColumns, type SealedColumn } from '../../db/sealed.ts';
import type { Vault } from '../../db/vault.ts';
import { masterKeysInUse } from '../../db/wrapped-keys.ts';
import { fail, pass, type Check } from './check.ts';

/** The ring holds every master key in use, and a value of each sealed column opens. */
export const encryption: Check = {
  name: 'encryption',
  needs: ['database'],
  otherwise: 'patchbay keys status shows the keys in use.',
  look: async (subject) => {
    const db = await subject.database();
    const vault = subject.vault();
    const used = (await db.system(masterKeysInUse)).map(({ id }) => id);
    const { ids } = vault.masterKeys;
    const lacking = used.filter((id) => !ids.includes(id));
    if (lacking.length)
      return [
        fail(
          `the ring lacks ${lacking.join(', ')}, which wraps data keys`,
          'Add that key to ENCRYPTION_KEYS; patchbay keys status shows what needs it.',
        ),
      ];
    const broken: string[] = [];
    for (const one of sealedColumns) if (!(await opens(db, vault, one))) broken.push(`${one.table}.${one.column}`);
    if (broken.length)
      return [
        fail(`values do not open: ${broken.join(', ')}`, 'They were altered or moved. Restore them from a dump.'),
      ];
    const older = used.filter((id) => id !== ids[0]);
    const rotating = older.length ? `; ${older.join(', ')} still needed` : '';
    return [pass(`the newest key is ${ids[0]}${rotating}`)];
  },
};

const opens = (db: Database, vault: Vault, { table, column, of, context }: SealedColumn): Promise<boolean> =>
  db.system(async (em: Em) => {
    const [row] = await rows<{ tenant_id: string | null; of: string; value: string }>(
      em,
      `select tenant_id, ${of} as of, ${column} as value from ${table} where ${column} is not null limit 1`,
    );
    try {
      if (row) (await vault.keysOf(em, row.tenant_id)).open(row.value, context(row.of));
      return true;
    } catch (error) {
      if (error instanceof VaultError) return false;
      throw error;
    }
  });

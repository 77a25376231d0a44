import { VaultError } from '../../platform/cipher.ts';
import type { Database } from '../../db/connect.ts';
import { sealedSample } from '../../db/queries/installation/sealed-sample.ts';
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

const opens = (db: Database, vault: Vault, column: SealedColumn): Promise<boolean> =>
  db.system(async (em) => {
    const sample = await sealedSample(em, column);
    try {
      if (sample) (await vault.keysOf(em, sample.tenantId)).open(sample.value, column.context(sample.of));
      return true;
    } catch (error) {
      if (error instanceof VaultError) return false;
      throw error;
    }
  });

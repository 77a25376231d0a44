import { rows, type Em } from '../../db/connect.ts';
import { sealedColumns } from '../../db/sealed.ts';
import { isSealed, keyOf, usedKeys, type UsedKey } from '../../db/used-keys.ts';
import { VaultError, type Vault } from '../../platform/vault.ts';
import { fail, pass, type Check } from './check.ts';

/** The ring holds every key in use, and opens a value of each column and key. */
export const encryption: Check = {
  name: 'encryption',
  needs: ['database'],
  otherwise: 'patchbay keys status shows the keys in use.',
  look: async (subject) => {
    const db = await subject.database();
    const vault = subject.vault();
    const used = await db.system(usedKeys);
    const lacking = [...new Set(used.map(({ key }) => key))].filter((key) => !vault.keyIds.includes(key));
    if (lacking.length)
      return [
        fail(
          `the ring lacks ${lacking.join(', ')}, which sealed values need`,
          'Add that key to ENCRYPTION_KEYS; patchbay keys status shows what needs it.',
        ),
      ];
    const broken: string[] = [];
    for (const one of used)
      if (!(await db.system((em) => opens(em, vault, one)))) broken.push(`${one.table}.${one.column}`);
    if (broken.length)
      return [
        fail(
          `values do not open: ${broken.join(', ')}`,
          'They were altered or moved. Restore them from a dump; patchbay keys reencrypt names the rows.',
        ),
      ];
    const old = new Set(used.map(({ key }) => key).filter((key) => key !== vault.keyIds[0]));
    const rotating = old.size ? `; ${[...old].join(', ')} still needed` : '';
    return [pass(`the newest key is ${vault.keyIds[0]}${rotating}`)];
  },
};

async function opens(em: Em, vault: Vault, { table, column, key }: UsedKey): Promise<boolean> {
  const sealed = sealedColumns.find((one) => one.table === table && one.column === column);
  if (!sealed) return false;
  const [row] = await rows<{ of: string; value: string }>(
    em,
    `select ${sealed.of} as of, ${column} as value from ${table} where ${isSealed(column)} and ${keyOf(column)} = ? limit 1`,
    [key],
  );
  try {
    if (row) vault.open(row.value, sealed.context(row.of));
    return true;
  } catch (error) {
    if (error instanceof VaultError) return false;
    throw error;
  }
}

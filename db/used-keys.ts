import { VaultError, type Vault } from '../platform/vault.ts';
import { rows, type Database, type Em } from './connect.ts';
import { sealedColumns, type SealedColumn } from './sealed.ts';

/** SQL for the id of the key in a sealed value, and for whether there is one: the words of the column's index. */
export const keyOf = (column: string): string => `substr(${column}, 4, 8)`;
export const isSealed = (column: string): string => `${column} like 'v1.%'`;

/** A key that seals values of a column. */
export interface UsedKey {
  table: string;
  column: string;
  key: string;
}

/**
 * Which keys are in use, by column. A column's index is asked for its first key, then for the next greater one and so
 * on: the number of rows does not matter. System role.
 */
export const usedKeys = (em: Em): Promise<UsedKey[]> => rows<UsedKey>(em, usedKeysSql);

const keysIn = ({ table, column }: SealedColumn): string => {
  const smallest = `select min(${keyOf(column)}) from ${table} where ${isSealed(column)}`;
  return `select '${table}' as "table", '${column}' as "column", key from (
    with recursive used(key) as (
      (${smallest})
      union all
      select (${smallest} and ${keyOf(column)} > used.key) from used where used.key is not null
    )
    select key from used where key is not null) one`;
};
export const usedKeysSql = sealedColumns.map(keysIn).join('\nunion all\n');

/** Throws one clear line when the ring cannot open what the database holds: a process without a key would fail later. */
export async function requireUsedKeys(db: Database, vault: Vault): Promise<void> {
  const used = await db.system(usedKeys);
  const lacking = [...new Set(used.map(({ key }) => key))].filter((key) => !vault.keyIds.includes(key));
  if (lacking.length)
    throw new VaultError(
      `The database holds values sealed with ${lacking.length > 1 ? 'keys' : 'key'} ${lacking.join(', ')}, which the ` +
        'ring lacks: add it to ENCRYPTION_KEYS. "patchbay keys status" shows what still needs it.',
    );
}

/** How many values a key seals, by column. */
export interface KeyCount extends UsedKey {
  values: number;
}

/** Counts every sealed value: reads the tables, so it takes its time in a large database. System role. */
export async function countByKey(em: Em): Promise<KeyCount[]> {
  const counts: KeyCount[] = [];
  for (const { table, column } of sealedColumns) {
    const found = await rows<{ key: string; values: number }>(
      em,
      `select ${keyOf(column)} as key, count(*)::int as values from ${table} where ${isSealed(column)} group by 1`,
    );
    counts.push(...found.map((one) => ({ table, column, ...one })));
  }
  return counts;
}

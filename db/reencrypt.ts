import { firstId } from '../platform/ids.ts';
import { VaultError, type Vault } from '../platform/vault.ts';
import { rows, type Database, type Em } from './connect.ts';
import { sealedColumns, type SealedColumn } from './sealed.ts';
import { isSealed, keyOf, usedKeys } from './used-keys.ts';

/** What became of one column. */
export interface Reencrypted {
  column: string;
  reencrypted: number;
  /** Ids of rows whose value does not open: altered, moved, or sealed with a key that is lost. */
  unopened: string[];
}

/** Rows that are read at once and rewritten in one transaction. */
const pageSize = 100;
/** How often a row is tried that others keep changing. */
const triesPerRow = 10;

interface Value {
  id: string;
  of: string;
  value: string | null;
}

/**
 * Seals every value with the ring's newest key while everything runs. A value is replaced only where it still is what
 * was read. Safe to stop at any moment and to run again: what is done is passed over. `onPage` hears of progress.
 */
export async function reencrypt(
  db: Database,
  vault: Vault,
  onPage: (column: string, reencrypted: number) => void | Promise<void> = () => undefined,
): Promise<Reencrypted[]> {
  const [newest] = vault.keyIds;
  const old = (await db.system(usedKeys)).filter(({ key }) => key !== newest);
  const done: Reencrypted[] = [];
  for (const one of sealedColumns) {
    const result: Reencrypted = { column: `${one.table}.${one.column}`, reencrypted: 0, unopened: [] };
    done.push(result);
    if (!old.some(({ table, column }) => table === one.table && column === one.column)) continue;
    for (let after: string | null = firstId; after !== null;) {
      const page: Value[] = await db.system((em) => readPage(em, one, newest, after ?? firstId));
      await rewrite(db, vault, one, page, result);
      await onPage(result.column, result.reencrypted);
      after = page.length === pageSize ? (page.at(-1)?.id ?? null) : null;
    }
  }
  return done;
}

/** All rows in order of their ids, with values only where another key sealed them: no page depends on the planner. */
const readPage = (em: Em, { table, column, of }: SealedColumn, newest: string, after: string): Promise<Value[]> =>
  rows<Value>(
    em,
    `select id, ${of} as of, case when ${isSealed(column)} and ${keyOf(column)} <> ? then ${column} end as value
     from ${table} where id > ? order by id limit ${pageSize}`,
    [newest, after],
  );

async function rewrite(
  db: Database,
  vault: Vault,
  column: SealedColumn,
  page: Value[],
  result: Reencrypted,
): Promise<void> {
  const changes: Change[] = [];
  for (const { id, of, value } of page) {
    if (value === null) continue;
    const sealed = reseal(vault, column, of, value);
    if (sealed === null) result.unopened.push(id);
    else changes.push({ id, before: value, after: sealed });
  }
  if (!changes.length) return;
  const changed = new Set(await db.system((em) => swapFree(em, column, changes)));
  result.reencrypted += changed.size;
  // AttemptTx or changed by somebody else: one at a time, with nothing else held, so that nobody waits in a circle.
  for (const { id } of changes.filter((one) => !changed.has(one.id))) {
    const outcome = await rewriteOne(db, vault, column, id);
    if (outcome === 'reencrypted') result.reencrypted += 1;
    else if (outcome === 'unopened') result.unopened.push(id);
  }
}

/** The value under the newest key; null when it does not open. */
function reseal(vault: Vault, { context }: SealedColumn, of: string, value: string): string | null {
  try {
    return vault.seal(vault.open(value, context(of)), context(of));
  } catch (error) {
    if (error instanceof VaultError) return null;
    throw error;
  }
}

interface Change {
  id: string;
  before: string;
  after: string;
}

/** Compare and set of many rows, passing over those that somebody holds; answers the ids of the changed ones. */
async function swapFree(em: Em, { table, column }: SealedColumn, changes: Change[]): Promise<string[]> {
  const changed = await rows<{ id: string }>(
    em,
    `with change as (select * from jsonb_to_recordset(?::jsonb) as c (id uuid, before text, after text)),
       free as (select t.id from ${table} t join change c on c.id = t.id where t.${column} = c.before
                for no key update of t skip locked)
     update ${table} t set ${column} = c.after from change c, free
     where t.id = free.id and c.id = free.id and t.${column} = c.before returning t.id`,
    [JSON.stringify(changes)],
  );
  return changed.map(({ id }) => id);
}

/** The same for one row, which it waits for; reads again when the value was changed meanwhile. */
async function rewriteOne(
  db: Database,
  vault: Vault,
  one: SealedColumn,
  id: string,
): Promise<'reencrypted' | 'unopened' | 'settled'> {
  const { table, column, of } = one;
  for (let tries = 0; tries < triesPerRow; tries += 1) {
    const outcome = await db.system(async (em) => {
      const [row] = await rows<Value>(
        em,
        `select id, ${of} as of, ${column} as value from ${table}
         where id = ? and ${isSealed(column)} and ${keyOf(column)} <> ?`,
        [id, vault.keyIds[0]],
      );
      if (!row?.value) return 'settled';
      const sealed = reseal(vault, one, row.of, row.value);
      if (sealed === null) return 'unopened';
      const [changed] = await rows(
        em,
        `update ${table} set ${column} = ? where id = ? and ${column} = ? returning id`,
        [sealed, id, row.value],
      );
      return changed ? 'reencrypted' : 'again';
    });
    if (outcome !== 'again') return outcome;
  }
  // It is changed all the time, and each change seals it anew.
  return 'settled';
}

import { VaultError } from '../platform/cipher.ts';
import type { MasterKeys } from '../platform/master-keys.ts';
import type { Database, Em } from './connect.ts';
import { sealed } from './sealed.ts';
import { rows, sql } from './sql.ts';

export interface MasterKeyUse {
  id: string;
  keys: number;
}

// A null text: still to be wrapped.
const wrappedKeys = sql`(
  select 'data_keys' as "table", id, tenant_id, wrapped, coalesce(split_part(wrapped, '.', 2), id) as master from data_keys
  union all
  select 'ledger_keys', id::text, tenant_id, value, split_part(value, '.', 2) from ledger_keys)`;

/** Costs the same however many values there are. System role. */
export const masterKeysInUse = (em: Em): Promise<MasterKeyUse[]> =>
  rows<MasterKeyUse>(
    em,
    sql`select master as id, count(*)::int as keys from ${wrappedKeys} w group by master order by master`,
  );

/** Processes that start at the same moment make one key, not one each. */
export const lockKeys = (em: Em): Promise<unknown> => rows(em, sql`select pg_advisory_xact_lock(7265235)`);

/** Throws one clear line when the ring lacks a master key, at the start instead of later. */
export async function requireMasterKeys(db: Database, masterKeys: MasterKeys): Promise<void> {
  const lacking = (await db.system(masterKeysInUse)).map(({ id }) => id).filter((id) => !masterKeys.ids.includes(id));
  if (lacking.length)
    throw new VaultError(
      `The keys of the database are wrapped with ${lacking.length > 1 ? 'keys' : 'key'} ${lacking.join(', ')}, which the ` +
        'ring lacks: add it to ENCRYPTION_KEYS. "patchbay keys status" shows what still needs it.',
    );
}

export interface Rotated {
  rewrapped: number;
  /** Altered, or moved to another row. */
  unopened: string[];
}

interface Wrapped {
  table: 'data_keys' | 'ledger_keys';
  id: string;
  tenant_id: string | null;
  wrapped: string;
}

const pageSize = 1_000;

/** Wraps every key with the newest master key online; sealed values stay. Safe to stop and to repeat. */
export async function rotateMasterKey(db: Database, masterKeys: MasterKeys): Promise<Rotated> {
  const [newest] = masterKeys.ids;
  const rotated: Rotated = { rewrapped: 0, unopened: [] };
  for (let after: string | null = ''; after !== null;)
    after = await db.system(async (em) => {
      await lockKeys(em);
      const page = await rows<Wrapped>(
        em,
        sql`select "table", id, tenant_id, wrapped from ${wrappedKeys} w
            where id > ${after} and wrapped is not null and master <> ${newest} order by id limit ${pageSize}`,
      );
      const changed: Wrapped[] = [];
      for (const one of page) {
        const wrapped = rewrap(masterKeys, one);
        if (wrapped === null) rotated.unopened.push(one.id);
        else changed.push({ ...one, wrapped });
      }
      await write(em, changed);
      rotated.rewrapped += changed.length;
      return page.length === pageSize ? (page.at(-1)?.id ?? null) : null;
    });
  return rotated;
}

function rewrap(masterKeys: MasterKeys, { table, id, tenant_id: tenantId, wrapped }: Wrapped): string | null {
  const context = table === 'data_keys' ? sealed.dataKey(id, tenantId) : sealed.ledgerKey(id);
  try {
    return masterKeys.wrap(masterKeys.unwrap(wrapped, context), context);
  } catch (error) {
    if (error instanceof VaultError) return null;
    throw error;
  }
}

const write = (em: Em, changed: readonly Wrapped[]): Promise<unknown> =>
  rows(
    em,
    sql`with changed as (
          select * from jsonb_to_recordset(${JSON.stringify(changed)}::jsonb) as c ("table" text, id text, wrapped text)),
        ledger as (
          update ledger_keys k set value = c.wrapped from changed c
          where c."table" = 'ledger_keys' and k.id::text = c.id)
        update data_keys k set wrapped = c.wrapped from changed c where c."table" = 'data_keys' and k.id = c.id`,
  );

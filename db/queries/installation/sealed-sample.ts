import type { Em } from '../../connect.ts';
import type { SealedColumn } from '../../sealed.ts';
import { rows, sql } from '../../sql.ts';

/** Undefined for an empty column. */
export interface SealedSample {
  tenantId: string | null;
  /** As `SealedColumn.context`. */
  of: string;
  value: string;
}

export async function sealedSample(em: Em, { table, column, of }: SealedColumn): Promise<SealedSample | undefined> {
  const value = sql.ref(column);
  const [sample] = await rows<SealedSample>(
    em,
    sql`select tenant_id as "tenantId", ${sql.ref(of)} as of, ${value} as value from ${sql.table(table)}
        where ${value} is not null limit 1`,
  );
  return sample;
}

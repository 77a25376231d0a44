import { tableRows, type TableRow } from '../../db/queries/exports/table-rows.ts';
import type { Keyset } from '../../platform/keyset.ts';
import { tryOpen } from '../../platform/try-open.ts';
import { pageRows, type ExportSource } from './source.ts';
import { exportedTables, type ExportedTable } from './tables.ts';

/** Everything of a tenant, table by table. */
export const tenantSources = (tenantId: string, keys: Keyset): ExportSource[] =>
  exportedTables.map((table) => ({
    name: table.name,
    ...(table.withheld && { withheld: table.withheld }),
    page: async (em, after) => {
      const found = await tableRows(em, tenantId, table, after as string[] | null, pageRows);
      return {
        rows: found.map((one) => opened(table, one, keys)),
        next: found.length === pageRows ? (found.at(-1)?.key ?? null) : null,
      };
    },
  }));

/** A row whose sealed values are readable. One that does not open any more is null. */
export function opened(
  { opened: columns = {} }: Pick<ExportedTable, 'opened'>,
  { row }: TableRow,
  keys: Keyset,
): object {
  const open = Object.entries(columns).map(([column, place]) => {
    const value = row[column];
    return [column, typeof value === 'string' ? tryOpen(keys, value, place(String(row['id']))) : value];
  });
  return { ...row, ...Object.fromEntries(open) };
}

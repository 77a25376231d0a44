import type { BulkOperation } from '../../db/entities/bulk.ts';
import { listFiles, type ListedFile } from '../../db/queries/exports/files.ts';
import type { Context } from '../context.ts';
import type { ExportSource } from './source.ts';
import { leftOutTables } from './tables.ts';

/** More than an export has. */
const mostFiles = 1_000_000;

/** What is in an export: of each source its rows, files with their digests, and what was not written. */
export async function manifestOf(
  { db, clock }: Pick<Context, 'db' | 'clock'>,
  { id, tenantId, target, createdAt }: BulkOperation,
  sources: readonly ExportSource[],
): Promise<string> {
  const files = await db.tenant(tenantId, (em) => listFiles(em, id, 0, mostFiles));
  const bySource = Map.groupBy(files, ({ source }) => source);
  const manifest = {
    patchbay_export: 1,
    id,
    tenant_id: tenantId,
    of: target === null ? 'tenant' : 'person',
    requested_at: createdAt.toISOString(),
    written_at: clock.now().toISOString(),
    tables: sources.map(({ name, withheld = [] }) => {
      const written = bySource.get(name) ?? [];
      return { name, rows: sumOf(written), withheld, files: written.map(fileOf) };
    }),
    left_out: target === null ? leftOutTables : {},
  };
  return `${JSON.stringify(manifest, null, 2)}\n`;
}

const sumOf = (files: readonly ListedFile[]): number => files.reduce((sum, { rowCount }) => sum + rowCount, 0);

const fileOf = ({ name, rowCount, size, sha256 }: ListedFile) => ({ name, rows: rowCount, bytes: size, sha256 });

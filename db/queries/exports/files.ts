import type { Em } from '../../connect.ts';
import type { ExportFile } from '../../entities/bulk.ts';
import { rows, sql } from '../../sql.ts';

/** A file of an export as callers see it. Sizes are of the bytes as they are read. */
export type ListedFile = Pick<ExportFile, 'number' | 'name' | 'source' | 'rowCount' | 'size' | 'sha256' | 'mediaId'>;

const columns = sql`number, name, source, row_count::float8 as "rowCount", size::float8 as size, sha256,
  media_id as "mediaId"`;

/** Files of an export in the order in which they were written, after one of them. */
export const listFiles = (em: Em, operationId: string, after: number, limit: number): Promise<ListedFile[]> =>
  rows(
    em,
    sql`select ${columns} from export_files where operation_id = ${operationId} and number > ${after}
        order by number limit ${limit}`,
  );

/** A file by its name; null where there is none. */
export async function fileNamed(em: Em, operationId: string, name: string): Promise<ListedFile | null> {
  const [found] = await rows<ListedFile>(
    em,
    sql`select ${columns} from export_files where operation_id = ${operationId} and name = ${name}`,
  );
  return found ?? null;
}

export async function insertFile(
  em: Em,
  { tenantId, operationId }: { tenantId: string; operationId: string },
  file: ListedFile,
  now: Date,
): Promise<void> {
  await rows(
    em,
    sql`insert into export_files (operation_id, number, tenant_id, name, source, row_count, size, sha256, media_id, created_at)
        values (${operationId}, ${file.number}, ${tenantId}, ${file.name}, ${file.source}, ${file.rowCount}, ${file.size},
          ${file.sha256}, ${file.mediaId}, ${now})`,
  );
}

/** Lets the bytes of an export's files go; returns how many files. */
export async function removeFiles(em: Em, operationIds: readonly string[], now: Date): Promise<number> {
  const removed = await rows(
    em,
    sql`with gone as (
          delete from export_files where operation_id = any(${[...operationIds]}::uuid[]) returning media_id),
        free as (update media m set kept_until = ${now} from gone g where m.id = g.media_id)
        select media_id from gone`,
  );
  return removed.length;
}

/** Exports whose files are to go. System role. */
export async function expiredExports(em: Em, now: Date): Promise<string[]> {
  const found = await rows<{ id: string }>(
    em,
    sql`select id from bulk_operations where expires_at <= ${now} order by expires_at limit 20 for update skip locked`,
  );
  return found.map(({ id }) => id);
}

/** Only the operations themselves are kept. One that was cancelled would begin anew. */
export async function closeExports(em: Em, ids: readonly string[]): Promise<void> {
  await rows(
    em,
    sql`update bulk_operations set expires_at = null, place = null, generation = generation + 1,
          counts = case when state = 'done' then counts else '{}' end
        where id = any(${[...ids]}::uuid[])`,
  );
}

/**
 * Has the tenant's exports forget what they wrote: those of the whole tenant that are open begin anew, those of one person end,
 * and those that were done have no files any more. Returns all of them.
 */
export async function resetExports(em: Em, tenantId: string, now: Date): Promise<string[]> {
  const reset = await rows<{ id: string }>(
    em,
    sql`update bulk_operations set generation = generation + 1, place = null, target = null, expires_at = null,
          counts = case when state = 'done' then counts else '{}' end,
          state = case when target is null then state else 'failed' end,
          reason = case when target is null and state <> 'done' then reason else 'person_erased' end,
          due_at = case when target is null then due_at end,
          ended_at = case when target is null then ended_at else ${now}::timestamptz end
        where tenant_id = ${tenantId} and kind = 'export'
          and (state in ('preparing', 'running', 'paused', 'cancelled') or expires_at is not null) returning id`,
  );
  return reset.map(({ id }) => id);
}

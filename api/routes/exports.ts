import { z } from 'zod';
import { listFiles } from '../../db/queries/exports/files.ts';
import { exportFile } from '../../services/exports/read-export.ts';
import { requireScope, type Principal } from '../../services/principal.ts';
import { cursorPlace, pageOf, pageQuery, placeCursor } from '../http/pagination.ts';
import { route } from '../http/route.ts';
import { exportFileAnswer } from '../views/bulk.ts';
import { bulkParams, bulkTag, ownOperation } from './bulk-operations.ts';

/** What was sealed is readable in an export. */
const requireExport = (principal: Principal): void => requireScope(principal, 'raw');

const place = z.strictObject({ number: z.number().int() });

const list = route({
  name: 'listExportFiles',
  method: 'get',
  path: '/bulk-operations/{id}/files',
  summary: 'List the files of an export, as far as they are written',
  tag: bulkTag,
  scope: 'admin',
  params: bulkParams,
  query: z.object(pageQuery),
  answer: pageOf(exportFileAnswer),
  handle: ({ context, principal, params: { id }, query: { limit, cursor } }) => {
    requireExport(principal);
    return context.db.tenant(principal.tenantId, async (em) => {
      await ownOperation(em, id);
      const after = cursorPlace(place, cursor)?.number ?? 0;
      const found = await listFiles(em, id, after, limit + 1);
      const shown = found.slice(0, limit);
      const last = shown.at(-1);
      return {
        body: {
          items: shown.map(({ name, source, rowCount, size, sha256 }) => ({
            name,
            table: source,
            rows: rowCount,
            bytes: size,
            sha256,
          })),
          next_cursor: found.length > limit && last ? placeCursor({ number: last.number }) : null,
        },
      };
    });
  },
});

const read = route({
  name: 'readExportFile',
  method: 'get',
  path: '/bulk-operations/{id}/files/{name}',
  summary: 'Read a file of an export; manifest.json is the last one that is written',
  tag: bulkTag,
  scope: 'admin',
  file: true,
  looks: true,
  params: bulkParams.extend({ name: z.string().max(100).describe('Its name in the list.') }),
  answer: z.object({ state: z.literal('running') }).meta({ id: 'ExportRunning' }),
  handle: async ({ context, principal, params: { id, name } }) => {
    requireExport(principal);
    const file = await exportFile(context, { tenantId: principal.tenantId, operationId: id }, name);
    if (!file) return { status: 202, body: { state: 'running' as const }, retryAfter: 2 };
    const contentType = name.endsWith('.json') ? 'application/json' : 'application/x-ndjson';
    return { file: { size: file.size, version: file.sha256, contentType, name, open: file.open } };
  },
});

export const exportRoutes = [list, read];

import { z } from 'zod';
import type { BulkOperation } from '../../db/entities/bulk.ts';
import { lockOperation, readOperation } from '../../db/queries/bulk/operations.ts';
import type { Person } from '../../db/queries/erasures/find-person.ts';
import { sealed } from '../../db/sealed.ts';
import { exportKeptMs, type BulkProgress } from '../../domain/bulk.ts';
import type { Keyset } from '../../platform/keyset.ts';
import type { BulkJob } from '../bulk/work.ts';
import type { Context } from '../context.ts';
import { manifestOf } from './manifest.ts';
import { personSources } from './person-sources.ts';
import type { ExportSource } from './source.ts';
import { tenantSources } from './tenant-sources.ts';
import { ExportStopped, writeFile } from './write-file.ts';

/** A file has so many rows or bytes at the most, about: what was not finished is written again after a crash. */
const most = { rows: 20_000, bytes: 16 * 1_024 * 1_024 };

/** `source` and `part`: the file that comes next. `after`: where it begins in the source; null at the source's beginning. */
const placeSchema = z.object({
  number: z.number().int(),
  source: z.number().int(),
  part: z.number().int(),
  after: z.unknown(),
});
type Place = z.infer<typeof placeSchema>;
const beginning: Place = { number: 1, source: 0, part: 1, after: null };

/** Writes one file after the other. Sources that have no rows have no file. */
export async function workExport(context: Context, job: BulkJob): Promise<BulkProgress> {
  const { db, vault } = context;
  const { id, tenantId } = job.operation;
  const keys = await vault.keysOf(db, tenantId);
  await begin(context, job.operation);
  for (;;) {
    const operation = await db.tenant(tenantId, (em) => readOperation(em, id));
    if (operation?.state !== 'running') return rest(context, job, operation);
    const sources = await sourcesOf(context, operation, keys);
    const place = operation.place ? placeSchema.parse(operation.place) : beginning;
    try {
      if (sources[place.source]) await writePart(context, operation, keys, sources, place);
      else if (place.part === 1) await writeManifest(context, operation, keys, sources, place);
      else return await end(context, operation);
    } catch (error) {
      if (!(error instanceof ExportStopped)) throw error;
    }
    if (job.isOver()) {
      job.signal.throwIfAborted();
      return { more: true, restMs: 0, state: 'running', counts: operation.counts };
    }
  }
}

const begin = ({ db }: Context, { id, tenantId }: BulkOperation): Promise<void> =>
  db.tenant(tenantId, async (em) => {
    const operation = await lockOperation(em, id);
    if (operation?.state === 'preparing') operation.state = 'running';
  });

/** Paused, or at its end: nothing is to be done until it is resumed. */
const rest = (
  { db }: Context,
  { operation: { id, tenantId } }: BulkJob,
  now: BulkOperation | null,
): Promise<BulkProgress> =>
  db.tenant(tenantId, async (em) => {
    const operation = await lockOperation(em, id);
    // Resumed at this moment.
    if (operation?.state === 'preparing' || operation?.state === 'running')
      return { more: true, restMs: 0, state: operation.state, counts: operation.counts };
    if (operation) operation.dueAt = null;
    return { more: false, restMs: 0, state: operation?.state ?? 'none', counts: now?.counts ?? {} };
  });

async function sourcesOf(context: Context, operation: BulkOperation, keys: Keyset): Promise<ExportSource[]> {
  const { id, tenantId, target } = operation;
  if (target === null) return tenantSources(tenantId, keys);
  const person = JSON.parse(keys.open(target, sealed.bulkTarget(id))) as Person;
  return personSources(context, tenantId, person, keys);
}

/** Writes the next file of a source; of one without any more rows, only how far the export is. */
async function writePart(
  context: Context,
  operation: BulkOperation,
  keys: Keyset,
  sources: readonly ExportSource[],
  place: Place,
): Promise<void> {
  const { db } = context;
  const { tenantId } = operation;
  const source = sources[place.source]!;
  const read = (after: unknown) =>
    source.isSystem ? db.system((em) => source.page(em, after)) : db.tenant(tenantId, (em) => source.page(em, after));
  let { rows, next } = await read(place.after);
  while (!rows.length && next !== null) ({ rows, next } = await read(next));
  if (!rows.length) return moveOn(context, operation, nextSource(place));
  const counted = { rows: 0, bytes: 0 };
  async function* lines(): AsyncGenerator<string> {
    for (;;) {
      for (const row of rows) {
        const line = `${JSON.stringify(row)}\n`;
        counted.rows += 1;
        counted.bytes += line.length;
        yield line;
      }
      if (next === null || counted.rows >= most.rows || counted.bytes >= most.bytes) return;
      ({ rows, next } = await read(next));
    }
  }
  await writeFile(context, operation, keys, {
    number: place.number,
    name: `${source.name}-${String(place.part).padStart(4, '0')}.ndjson`,
    source: source.name,
    lines: lines(),
    ended: () => ({
      rowCount: counted.rows,
      place:
        next === null
          ? nextSource({ ...place, number: place.number + 1 })
          : { ...place, number: place.number + 1, part: place.part + 1, after: next },
    }),
  });
}

const nextSource = ({ number, source }: Place): Place => ({ number, source: source + 1, part: 1, after: null });

const moveOn = ({ db }: Context, { id, tenantId, generation }: BulkOperation, place: Place): Promise<void> =>
  db.tenant(tenantId, async (em) => {
    const operation = await lockOperation(em, id);
    if (operation?.state !== 'running' || operation.generation !== generation) throw new ExportStopped();
    operation.place = place;
  });

/** The last file; its place tells that it is there. */
const writeManifest = async (
  context: Context,
  operation: BulkOperation,
  keys: Keyset,
  sources: readonly ExportSource[],
  place: Place,
): Promise<void> => {
  const text = await manifestOf(context, operation, sources);
  async function* lines(): AsyncGenerator<string> {
    yield text;
  }
  await writeFile(context, operation, keys, {
    number: place.number,
    name: 'manifest.json',
    source: 'manifest',
    lines: lines(),
    ended: () => ({ rowCount: 0, place: { ...place, number: place.number + 1, part: 2 } }),
  });
};

/** The person is forgotten, the files stay for some days. */
const end = ({ db, clock, metrics }: Context, { id, tenantId, generation }: BulkOperation): Promise<BulkProgress> =>
  db.tenant(tenantId, async (em) => {
    const operation = await lockOperation(em, id);
    if (operation?.state !== 'running' || operation.generation !== generation) throw new ExportStopped();
    const now = clock.now();
    const expiresAt = new Date(now.getTime() + exportKeptMs);
    Object.assign(operation, { state: 'done', target: null, dueAt: null, endedAt: now, expiresAt });
    metrics.bulkOperations.inc({ operation: 'export', outcome: 'done' });
    return { more: false, restMs: 0, state: 'done', counts: operation.counts };
  });

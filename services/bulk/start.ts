import type { Em } from '../../db/connect.ts';
import { BulkOperation } from '../../db/entities/bulk.ts';
import { sealed } from '../../db/sealed.ts';
import { countKnown } from '../../db/queries/bulk/account-shapes.ts';
import { countOpen } from '../../db/queries/bulk/operations.ts';
import type { Person } from '../../db/queries/erasures/find-person.ts';
import { mostOpen, type BulkFilter, type BulkKind, type BulkOptions, type SkipReason } from '../../domain/bulk.ts';
import { isId } from '../../platform/ids.ts';
import { checkProviderName } from '../provider-names.ts';
import type { Context } from '../context.ts';
import { Problem } from '../problem.ts';
import { startBulk } from '../signal.ts';
import { decideAll, type BulkWork } from './decide.ts';

export interface NewBulk {
  kind: BulkKind;
  filter: BulkFilter;
  options: BulkOptions;
  /** Of an export: of this person alone. */
  person?: Person | undefined;
}

/** Who requests it; the command has no key. */
export interface Requester {
  tenantId: string;
  keyId: string | null;
}

/** Stores a bulk operation and has it started; an id that exists is the same request once more. */
export async function startOperation(
  context: Context,
  { tenantId, keyId }: Requester,
  id: string,
  { kind, filter, options, person }: NewBulk,
): Promise<BulkOperation> {
  const { db, clock, vault } = context;
  const operation = await db.tenant(tenantId, async (em) => {
    const known = await em.findOne(BulkOperation, { id });
    if (known) return known;
    await checkFilter(context, em, tenantId, filter);
    const open = await countOpen(em, tenantId);
    if (open >= mostOpen) throw new Problem('too_many_operations', `${open} bulk operations are open.`);
    const keys = await vault.keysOf(em, tenantId);
    const now = clock.now();
    const made = em.create(BulkOperation, {
      id,
      tenantId,
      kind,
      filter,
      options,
      target: person ? keys.seal(JSON.stringify(person), sealed.bulkTarget(id)) : null,
      keyId,
      state: 'preparing',
      reason: null,
      place: null,
      generation: 0,
      counts: {},
      dueAt: now,
      createdAt: now,
      endedAt: null,
      expiresAt: null,
    });
    em.persist(made);
    return made;
  });
  await startBulk(context, { tenantId, operationId: id }, kind, 'api');
  return operation;
}

/** What an operation would do if it began now. */
export interface BulkPreview {
  matching: number;
  asked: number;
  skipped: { reason: SkipReason; count: number; examples: string[] }[];
  /** Some of the accounts that would be asked. */
  examples: string[];
}

/** Ids of accounts in a preview, at the most. */
const mostExamples = 5;

/** Decides for all accounts of the filter as they are now, and changes nothing. */
export function previewOperation(context: Context, work: BulkWork): Promise<BulkPreview> {
  return context.db.tenant(work.tenantId, async (em) => {
    await checkFilter(context, em, work.tenantId, work.filter);
    const preview: BulkPreview = { matching: 0, asked: 0, skipped: [], examples: [] };
    for (const { decision, n, examples } of await decideAll(context, em, work)) {
      preview.matching += n;
      if (decision === 'ask') {
        preview.asked += n;
        preview.examples.push(...examples);
        continue;
      }
      const known = preview.skipped.find(({ reason }) => reason === decision);
      if (known) {
        known.count += n;
        known.examples.push(...examples);
      } else preview.skipped.push({ reason: decision, count: n, examples: [...examples] });
    }
    preview.examples.splice(mostExamples);
    for (const { examples } of preview.skipped) examples.splice(mostExamples);
    return preview;
  });
}

/** 404 where an id is none of the tenant's accounts. */
async function checkFilter(context: Context, em: Em, tenantId: string, { ids, provider }: BulkFilter): Promise<void> {
  checkProviderName(context, provider);
  if (!ids) return;
  const asked = new Set(ids.map((id) => id.toLowerCase()));
  if (![...asked].every(isId) || (await countKnown(em, tenantId, [...asked])) < asked.size)
    throw new Problem('not_found', 'filter.ids: there is no such account.');
}

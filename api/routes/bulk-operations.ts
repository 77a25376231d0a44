import { z } from 'zod';
import type { Em } from '../../db/connect.ts';
import { BulkOperation } from '../../db/entities/bulk.ts';
import { listItems } from '../../db/queries/bulk/items.ts';
import { findPerson, type Person } from '../../db/queries/erasures/find-person.ts';
import { readOperation } from '../../db/queries/bulk/operations.ts';
import { bulkItemStates, bulkKinds, bulkStates, type BulkKind } from '../../domain/bulk.ts';
import { firstId, isId } from '../../platform/ids.ts';
import { bulkJson, meaningOf } from '../../services/bulk/bulk-json.ts';
import {
  cancelOperation,
  getOperation,
  pauseOperation,
  resumeOperation,
  retryOperation,
  type OperationNow,
} from '../../services/bulk/change.ts';
import { previewOperation, startOperation } from '../../services/bulk/start.ts';
import { anyContact } from '../../services/contacts/find-contacts.ts';
import { subjectAsked } from '../../services/erasures/subject-asked.ts';
import { requireScope } from '../../services/principal.ts';
import { Problem } from '../../services/problem.ts';
import { afterCursor, cursorId, page, pageOf, pageQuery } from '../http/pagination.ts';
import { route, type Call, type Route } from '../http/route.ts';
import { bulkAnswer, bulkFilter, bulkItem, bulkOptions, bulkPreview } from '../views/bulk.ts';
import { personWords } from './erasures.ts';

export const bulkTag = 'bulk operations';
export const bulkParams = z.object({ id: z.string().describe('The bulk operation.') });
const address = ({ id }: { id: string }): string => `/api/v1/bulk-operations/${id}`;
/** As an erasure names one, or by a contact. */
const personAsked = z.strictObject({ ...personWords, contact_id: z.string().optional() });

const view = ({ operation, counts, reasons }: OperationNow): z.input<typeof bulkAnswer> =>
  bulkJson(operation, counts, reasons);
const refOf = ({ principal, params }: Pick<Call<{ id: string }>, 'principal' | 'params'>) => ({
  tenantId: principal.tenantId,
  operationId: params.id,
});

const start = route({
  name: 'startBulkOperation',
  method: 'post',
  path: '/bulk-operations',
  summary: 'Do something to all accounts that a filter finds, or export data; 200 with dry_run, which changes nothing',
  tag: bulkTag,
  scope: 'write',
  idempotent: true,
  body: z.object({
    operation: z.enum(bulkKinds),
    filter: bulkFilter.optional().describe('Which accounts; needed for all but export.'),
    ...bulkOptions,
    person: personAsked.optional().describe('Of export: only what an erasure of this person would take.'),
    dry_run: z.boolean().default(false).describe('Answer counts and examples, and change nothing.'),
  }),
  example: { operation: 'reconnect', filter: { state: 'reconnect_required' }, dry_run: true },
  answer: z.union([bulkAnswer, bulkPreview]),
  status: 202,
  doneStatus: 200,
  watch: (answer) => ('id' in answer ? address(answer) : '/api/v1/bulk-operations'),
  handle: async ({ context, principal, operationId, body }) => {
    const { operation: kind, filter, person, dry_run: dryRun, ...options } = body;
    checkWords(kind, body);
    if (kind === 'export') for (const scope of ['admin', 'raw'] as const) requireScope(principal, scope);
    const { tenantId } = principal;
    if (dryRun && kind !== 'export') {
      const { skipped, ...preview } = await previewOperation(context, {
        tenantId,
        kind,
        filter: filter ?? {},
        options,
      });
      const shown = skipped.map((one) => ({ ...one, what_it_means: meaningOf(one.reason) }));
      return { status: 200, body: { dry_run: true as const, ...preview, skipped: shown } };
    }
    const meant = person && (await context.db.tenant(tenantId, (em) => findAsked(em, person)));
    const given = { kind, filter: filter ?? {}, options, person: meant };
    const operation = await startOperation(context, principal, operationId, given);
    return { body: bulkJson(operation) };
  },
});

/** The person that an export is about, with all known names. */
async function findAsked(em: Em, { contact_id: contactId, ...person }: z.output<typeof personAsked>): Promise<Person> {
  if (contactId === undefined) return findPerson(em, { subjects: [subjectAsked(person)], contactIds: [] });
  if (Object.values(person).some((word) => word !== undefined))
    throw new Problem('invalid_request', 'person: name contact_id alone, or one of phone, jid, lid and identity.');
  const { id } = await anyContact(em, contactId);
  return findPerson(em, { subjects: [], contactIds: [id] });
}

/** 422 for words that the operation does not take. */
function checkWords(kind: BulkKind, body: Record<string, unknown>): void {
  const given = (name: string): boolean => body[name] !== undefined;
  const refuse = (name: string): never => {
    throw new Problem('invalid_request', `${name}: an operation "${kind}" takes none.`, {
      fix: `Leave ${name} out.`,
    });
  };
  if (given('with_owner') && kind !== 'reconnect') refuse('with_owner');
  if (given('label') && kind !== 'label') refuse('label');
  if (given('person') && kind !== 'export') refuse('person');
  if (kind === 'export') {
    for (const name of ['filter', 'per_minute']) if (given(name)) refuse(name);
    if (body['dry_run'] === true) refuse('dry_run');
    return;
  }
  if (!given('filter'))
    throw new Problem('invalid_request', 'filter: says which accounts are meant.', {
      fix: 'Send filter with words of GET /accounts; {} is all accounts.',
    });
  if (kind === 'label' && !given('label'))
    throw new Problem('invalid_request', 'label: is the new label; null removes it.');
}

const list = route({
  name: 'listBulkOperations',
  method: 'get',
  path: '/bulk-operations',
  summary: 'List bulk operations, newest first',
  tag: bulkTag,
  scope: 'read',
  query: z.object({
    ...pageQuery,
    operation: z.enum(bulkKinds).optional(),
    state: z.enum(bulkStates).optional(),
  }),
  answer: pageOf(bulkAnswer),
  handle: ({ context, principal, query: { limit, cursor, operation, state } }) =>
    context.db.tenant(principal.tenantId, async (em) => {
      const given = { ...(operation && { kind: operation }), ...(state && { state }) };
      const where = { $and: [given, afterCursor(cursor, 'desc')] };
      const found = await em.find(BulkOperation, where, { orderBy: { id: 'desc' }, limit: limit + 1 });
      return { body: page(found, limit, (one) => bulkJson(one)) };
    }),
});

const get = route({
  name: 'getBulkOperation',
  method: 'get',
  path: '/bulk-operations/{id}',
  summary: 'Read a bulk operation: its progress, and failures by reason',
  tag: bulkTag,
  scope: 'read',
  params: bulkParams,
  answer: bulkAnswer,
  handle: async (call) => ({ body: view(await getOperation(call.context, refOf(call))) }),
});

/** 404 where the tenant has no such operation. */
export async function ownOperation(em: Em, id: string): Promise<BulkOperation> {
  const operation = isId(id) ? await readOperation(em, id) : null;
  if (!operation) throw new Problem('not_found', 'There is no such bulk operation.');
  return operation;
}

const items = route({
  name: 'listBulkItems',
  method: 'get',
  path: '/bulk-operations/{id}/items',
  summary: 'List the accounts of a bulk operation with what became of each',
  tag: bulkTag,
  scope: 'read',
  params: bulkParams,
  query: z.object({ ...pageQuery, state: z.enum(bulkItemStates).optional(), reason: z.string().max(64).optional() }),
  answer: pageOf(bulkItem),
  handle: ({ context, principal, params: { id }, query: { limit, cursor, ...filter } }) =>
    context.db.tenant(principal.tenantId, async (em) => {
      await ownOperation(em, id);
      const found = await listItems(em, id, filter, cursorId(cursor) ?? firstId, limit + 1);
      return {
        body: page(found, limit, ({ accountId, state, reason, requestId, tries, askedAt, endedAt }) => ({
          account_id: accountId,
          state,
          reason,
          what_it_means: reason === null ? null : meaningOf(reason),
          request_id: requestId,
          tries,
          asked_at: wireText(askedAt),
          ended_at: wireText(endedAt),
        })),
      };
    }),
});

/** PostgreSQL's text of a time. */
const wireText = (at: string | null): string | null => at && new Date(at).toISOString();

const changes = {
  pause: { summary: 'Pause a bulk operation: no further account is asked', change: pauseOperation },
  resume: {
    summary: 'Let a paused or cancelled bulk operation go on; accounts that were asked are not asked again',
    change: resumeOperation,
  },
  cancel: { summary: 'Cancel a bulk operation: no further account is asked', change: cancelOperation },
} as const;

const changeRoutes: Route[] = Object.entries(changes).map(([word, { summary, change }]) =>
  route({
    name: `${word}BulkOperation`,
    method: 'post',
    path: `/bulk-operations/{id}/${word}`,
    summary,
    tag: bulkTag,
    scope: 'write',
    idempotent: true,
    params: bulkParams,
    answer: bulkAnswer,
    handle: async (call) => ({ body: view(await change(call.context, refOf(call))) }),
  }),
);

const retry = route({
  name: 'retryBulkOperation',
  method: 'post',
  path: '/bulk-operations/{id}/retry',
  summary: 'Ask the failed accounts of a bulk operation once more',
  tag: bulkTag,
  scope: 'write',
  idempotent: true,
  params: bulkParams,
  body: z.object({ reason: z.string().min(1).max(64).optional().describe('Only those that failed for this reason.') }),
  example: { reason: 'provider_unavailable' },
  answer: bulkAnswer,
  handle: async (call) => ({ body: view(await retryOperation(call.context, refOf(call), call.body.reason)) }),
});

export const bulkRoutes = [start, list, get, items, ...changeRoutes, retry];

import { z } from 'zod';
import { auditKinds, auditOutcomes, auditVias } from '../../domain/audit.ts';
import { auditFormats, auditJson, auditPage, exportAudit } from '../../services/audit/read-audit.ts';
import { requireScope } from '../../services/principal.ts';
import { cursorPlace, flag, pageOf, pageQuery, placeCursor, time } from '../http/pagination.ts';
import { route, type Call } from '../http/route.ts';

const tag = 'audit';

const entryAnswer = z
  .object({
    id: z.string(),
    at: time,
    kind: z.enum(auditKinds).describe('write, or a look at what is kept sealed.'),
    via: z.enum(auditVias),
    actor: z.string().describe('The id of the API key; of a command the user of the operating system.'),
    action: z.string().describe('The operation by its name in this document, or the command.'),
    target: z.string().nullable().describe('The id that was named, or a provider.'),
    operation_id: z.string().nullable().describe('What the request made under an id of its own has this one.'),
    address: z.string().nullable().describe("The client's address; of a command the machine's name."),
    request_id: z.string().nullable(),
    outcome: z
      .enum(auditOutcomes)
      .describe('accepted: carried out; where it ended otherwise, a second entry of the request says so.'),
    code: z.string().nullable().describe('Of what was refused or failed: the code of the problem.'),
    details: z
      .record(z.string(), z.unknown())
      .describe('Switches, choices and ids of the request; the names of its fields.'),
  })
  .meta({ id: 'AuditEntry' });

const filters = {
  actor: z.string().max(255).optional(),
  action: z.string().max(255).optional(),
  target: z.string().max(255).optional().describe('An id that was named, or under which something was made.'),
  kind: z.enum(auditKinds).optional(),
  outcome: z.enum(auditOutcomes).optional(),
  from: time.optional().describe('At this time or later.'),
  to: time.optional().describe('Before this time.'),
  installation: flag.describe(
    'Entries of no tenant, such as decoded payloads, in place of the own ones. For keys with the scope operator.',
  ),
};

type Filters = z.output<z.ZodObject<typeof filters>>;

const filterOf = ({ installation: _own, from, to, ...filter }: Filters) => ({
  ...filter,
  from: from === undefined ? undefined : new Date(from),
  to: to === undefined ? undefined : new Date(to),
});

/** Whose entries are read: null for those of no tenant. */
function ownerOf({ principal }: Pick<Call, 'principal'>, { installation }: Filters): string | null {
  if (installation) requireScope(principal, 'operator');
  return installation ? null : principal.tenantId;
}

const place = z.strictObject({ at: time, id: z.uuid() });

const listAudit = route({
  name: 'listAudit',
  method: 'get',
  path: '/audit',
  summary: 'List who did what, the newest first. A page may have few items, or none, before the last one',
  tag,
  scope: 'admin',
  query: z.object({ ...pageQuery, ...filters }),
  answer: pageOf(entryAnswer),
  handle: async (call) => {
    const { limit, cursor, ...filter } = call.query;
    const after = cursorPlace(place, cursor);
    const { items, next } = await auditPage(call.context, ownerOf(call, filter), filterOf(filter), {
      after: after && { id: after.id, at: new Date(after.at) },
      limit,
    });
    const next_cursor = next && placeCursor({ at: next.at.toISOString(), id: next.id });
    return { body: { items: items.map(auditJson), next_cursor } };
  },
});

const exportRoute = route({
  name: 'exportAudit',
  method: 'get',
  path: '/audit/export',
  summary: 'Read every entry of the audit log at once, as lines of JSON or as CSV, the newest first',
  tag,
  scope: 'admin',
  looks: true,
  query: z.object({ ...filters, format: z.enum(auditFormats).default('ndjson') }),
  answer: z.string().describe('A line for each entry.'),
  contentType: 'application/x-ndjson',
  csv: true,
  handle: (call) => {
    const { format, ...filter } = call.query;
    const contentType = format === 'csv' ? 'text/csv' : 'application/x-ndjson';
    const parts = exportAudit(call.context, ownerOf(call, filter), filterOf(filter), format);
    return Promise.resolve({ lines: { contentType, name: `audit.${format}`, parts } });
  },
});

export const auditRoutes = [exportRoute, listAudit];

import { readAuditEntries, type AuditPlace, type AuditRow } from '../../db/queries/audit/read-entries.ts';
import type { AuditKind, AuditOutcome, AuditVia } from '../../domain/audit.ts';
import { csvLine } from '../../platform/csv.ts';
import type { Context } from '../context.ts';

/** Which entries are read; what is left out does not narrow. */
export interface AuditFilter {
  actor?: string | undefined;
  action?: string | undefined;
  kind?: AuditKind | undefined;
  outcome?: AuditOutcome | undefined;
  /** An id that was named, or under which something was made. */
  target?: string | undefined;
  /** At this time or later; before this time. */
  from?: Date | undefined;
  to?: Date | undefined;
}

type Reader = Pick<Context, 'db' | 'clock' | 'config'>;

/** Days that one statement looks into: each has a partition. */
const daysAtOnce = 32;
const dayMs = 86_400_000;
/** Entries of one statement, and of one page at most, where those that do not match are passed over. */
const batchSize = 1_000;
const mostOfPage = 5_000;

/** Entries in batches, the newest first, those that do not match included. `tenantId`: null for the installation's own. */
async function* batches(
  { db, clock, config }: Reader,
  tenantId: string | null,
  { target, from, to }: AuditFilter,
  after: AuditPlace | null,
  limit: number,
): AsyncGenerator<AuditRow[]> {
  const kept = clock.now().getTime() - (config.AUDIT_RETENTION_DAYS + 1) * dayMs;
  const floor = Math.max(from?.getTime() ?? 0, kept);
  let place = after;
  let upper = to ?? null;
  let lower = Math.max(
    floor,
    Math.min(...[after?.at, to, clock.now()].flatMap((at) => at?.getTime() ?? [])) - daysAtOnce * dayMs,
  );
  for (;;) {
    const reading = { tenantId, target, from: new Date(lower), to: upper, after: place, limit };
    const found = await (tenantId === null
      ? db.system((em) => readAuditEntries(em, reading))
      : db.tenant(tenantId, (em) => readAuditEntries(em, reading)));
    yield found;
    const last = found.at(-1);
    if (last && found.length === limit) place = last;
    else if (lower <= floor) return;
    else {
      upper = new Date(lower);
      lower = Math.max(floor, lower - daysAtOnce * dayMs);
    }
  }
}

const matches = ({ actor, action, kind, outcome }: AuditFilter, row: AuditRow): boolean =>
  (actor === undefined || row.actor === actor) &&
  (action === undefined || row.action === action) &&
  (kind === undefined || row.kind === kind) &&
  (outcome === undefined || row.outcome === outcome);

/** A page of entries, the newest first. It may have few, or none, before the last one. */
export async function auditPage(
  reader: Reader,
  tenantId: string | null,
  filter: AuditFilter,
  { after, limit }: { after: AuditPlace | null; limit: number },
): Promise<{ items: AuditRow[]; next: AuditPlace | null }> {
  const passesOver = [filter.actor, filter.action, filter.kind, filter.outcome].some((one) => one !== undefined);
  const items: AuditRow[] = [];
  let read = 0;
  for await (const found of batches(reader, tenantId, filter, after, passesOver ? batchSize : limit + 1)) {
    for (const row of found) {
      if (!matches(filter, row)) continue;
      if (items.length === limit) return { items, next: items.at(-1) ?? null };
      items.push(row);
    }
    read += found.length;
    const last = found.at(-1);
    if (last && read >= mostOfPage) return { items, next: last };
  }
  return { items, next: null };
}

/** An entry as callers and commands see it. */
export interface AuditJson {
  id: string;
  at: string;
  kind: AuditKind;
  via: AuditVia;
  actor: string;
  action: string;
  target: string | null;
  operation_id: string | null;
  address: string | null;
  request_id: string | null;
  outcome: AuditOutcome;
  code: string | null;
  details: Record<string, unknown>;
}

export const auditJson = (row: AuditRow): AuditJson => ({
  id: row.id,
  at: row.at.toISOString(),
  kind: row.kind,
  via: row.via,
  actor: row.actor,
  action: row.action,
  target: row.target,
  operation_id: row.operation,
  address: row.address,
  request_id: row.requestId,
  outcome: row.outcome,
  code: row.code,
  details: row.details,
});

const columns = [
  'id',
  'at',
  'kind',
  'via',
  'actor',
  'action',
  'target',
  'operation_id',
  'address',
  'request_id',
  'outcome',
  'code',
  'details',
] as const satisfies readonly (keyof AuditJson)[];

export const auditFormats = ['ndjson', 'csv'] as const;

/** Every entry that matches, the newest first: a line of JSON each, or CSV with a first line of names. */
export async function* exportAudit(
  reader: Reader,
  tenantId: string | null,
  filter: AuditFilter,
  format: (typeof auditFormats)[number],
): AsyncGenerator<string> {
  if (format === 'csv') yield csvLine(columns);
  for await (const found of batches(reader, tenantId, filter, null, batchSize)) {
    const lines = found.filter((row) => matches(filter, row)).map(auditJson);
    if (lines.length)
      yield lines
        .map((line) => (format === 'csv' ? csvLine(columns.map((name) => line[name])) : `${JSON.stringify(line)}\n`))
        .join('');
  }
}

import type { AuditEntry } from '../../entities/audit.ts';
import type { Em } from '../../connect.ts';
import { recordset, rows, sql } from '../../sql.ts';

/** An entry before it is stored: its time is the database's, which is the process's clock. */
export type NewAuditEntry = Pick<
  AuditEntry,
  | 'id'
  | 'tenantId'
  | 'kind'
  | 'via'
  | 'actor'
  | 'action'
  | 'target'
  | 'operation'
  | 'address'
  | 'requestId'
  | 'outcome'
  | 'code'
  | 'details'
>;

/** Adds one entry. Tenant's role for that tenant's, system's role for any. */
export async function insertAuditEntry(em: Em, entry: NewAuditEntry): Promise<void> {
  const { id, tenantId, kind, via, actor, action, target, operation, address, requestId, outcome, code } = entry;
  await rows(
    em,
    sql`insert into audit_entries
          (id, tenant_id, kind, via, actor, action, target, operation, address, request_id, outcome, code, details)
        values (${id}, ${tenantId}, ${kind}, ${via}, ${actor}, ${action}, ${target}, ${operation}, ${address}, ${requestId},
          ${outcome}, ${code}, ${JSON.stringify(entry.details)}::jsonb)`,
  );
}

/** Adds entries of any tenants. System role. */
export async function insertAuditEntries(em: Em, entries: readonly NewAuditEntry[]): Promise<void> {
  const list = entries.map(({ tenantId, requestId, ...entry }) => ({
    ...entry,
    tenant_id: tenantId,
    request_id: requestId,
  }));
  await rows(
    em,
    sql`insert into audit_entries
          (id, tenant_id, kind, via, actor, action, target, operation, address, request_id, outcome, code, details)
        select id, tenant_id, kind, via, actor, action, target, operation, address, request_id, outcome, code, details
        from ${recordset(
          list,
          sql`(id uuid, tenant_id uuid, kind text, via text, actor text, action text, target text, operation uuid, address text,
            request_id uuid, outcome text, code text, details jsonb)`,
        )} added`,
  );
}

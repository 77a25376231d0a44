import type { AuditKind, AuditOutcome, AuditVia } from '../../../domain/audit.ts';
import { isId } from '../../../platform/ids.ts';
import type { Em } from '../../connect.ts';
import { rows, sql, type Sql } from '../../sql.ts';

/** An entry as it is read. */
export interface AuditRow {
  id: string;
  tenantId: string | null;
  at: Date;
  kind: AuditKind;
  via: AuditVia;
  actor: string;
  action: string;
  target: string | null;
  operation: string | null;
  address: string | null;
  requestId: string | null;
  outcome: AuditOutcome;
  code: string | null;
  details: Record<string, unknown>;
}

/** The place of an entry in the list, which begins with the newest. */
export type AuditPlace = Pick<AuditRow, 'at' | 'id'>;

/** What one reading looks at. */
export interface AuditReading {
  /** Null: the installation's own entries, which no tenant sees; undefined: all that the role sees. */
  tenantId: string | null | undefined;
  /** Named by the entry, or the id under which something was made. */
  target?: string | undefined;
  /** At this time or later; before this time, where it is given. Each day between is a partition to look into. */
  from: Date;
  to: Date | null;
  /** After this entry of the list. */
  after: AuditPlace | null;
  limit: number;
}

/** Entries of a time, the newest first. */
export async function readAuditEntries(em: Em, reading: AuditReading): Promise<AuditRow[]> {
  const { target, limit } = reading;
  const by = (condition: Sql): Sql =>
    sql`(select * from audit_entries where ${condition} and ${within(reading)} order by at desc, id desc limit ${limit})`;
  const from =
    target === undefined
      ? by(sql`true`)
      : isId(target)
        ? sql`(${by(sql`target = ${target}`)} union all
            ${by(sql`operation = ${target}::uuid and target is distinct from ${target}`)})`
        : by(sql`target = ${target}`);
  const found = await rows<Record<string, unknown>>(
    em,
    sql`select id, tenant_id, at::text, kind, via, actor, action, target, operation, address, request_id, outcome, code, details
        from ${from} entries order by at desc, id desc limit ${limit}`,
  );
  return found.map(({ tenant_id: tenantId, request_id: requestId, at, ...row }) => ({
    ...(row as Omit<AuditRow, 'tenantId' | 'requestId' | 'at'>),
    tenantId: tenantId as string | null,
    requestId: requestId as string | null,
    at: new Date(String(at)),
  }));
}

function within({ tenantId, from, to, after }: AuditReading): Sql {
  const parts = [
    tenantId === undefined ? null : tenantId === null ? sql`tenant_id is null` : sql`tenant_id = ${tenantId}::uuid`,
    sql`at >= ${from}`,
    to && sql`at < ${to}`,
    // The first condition bounds the index, the second is exact.
    after && sql`at <= ${after.at} and (at, id) < (${after.at}, ${after.id}::uuid)`,
  ];
  return sql.join(
    parts.filter((part) => part !== null),
    sql` and `,
  );
}

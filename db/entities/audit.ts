import { defineEntity, p } from '@mikro-orm/core';
import type { AuditKind, AuditOutcome, AuditVia } from '../../domain/audit.ts';

const AuditEntrySchema = defineEntity({
  name: 'AuditEntry',
  tableName: 'audit_entries',
  properties: {
    id: p.uuid().primary(),
    /** Null: of the installation, such as a decoded payload. */
    tenantId: p.uuid().strictNullable(),
    at: p.datetime().primary(),
    kind: p.text().$type<AuditKind>(),
    via: p.text().$type<AuditVia>(),
    /** The id of the API key; of a command the user of the operating system. */
    actor: p.text(),
    action: p.text(),
    /** An id of ours, or a provider's name. */
    target: p.text().strictNullable(),
    /** The id under which the request was carried out: what it made has it. */
    operation: p.uuid().strictNullable(),
    /** The client's address; of a command the machine's name. */
    address: p.text().strictNullable(),
    requestId: p.uuid().strictNullable(),
    outcome: p.text().$type<AuditOutcome>(),
    /** Of what was refused or failed: the code of its problem. */
    code: p.text().strictNullable(),
    /** Ids and words of ours; no personal data, no secret. */
    details: p.json().$type<Record<string, unknown>>(),
  },
});
/** Who did what. Entries are only added. Dropped by day, after `AUDIT_RETENTION_DAYS`. */
export class AuditEntry extends AuditEntrySchema.class {}
AuditEntrySchema.setClass(AuditEntry);

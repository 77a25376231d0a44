import { insertAuditEntry, type NewAuditEntry } from '../../db/queries/audit/insert-entries.ts';
import type { Em } from '../../db/connect.ts';
import type { AuditKind } from '../../domain/audit.ts';
import { newId } from '../../platform/ids.ts';
import type { Principal } from '../principal.ts';

/** Something that a caller did or looked at. Ids and words of ours alone: no personal data, no secret. */
interface Recorded {
  principal: Pick<Principal, 'tenantId' | 'keyId'>;
  kind?: AuditKind;
  action: string;
  target?: string | null;
  address?: string | null;
  details?: Record<string, unknown>;
}

/**
 * Adds an entry to the audit log in the transaction of what it tells. Requests over HTTP and commands are recorded where they
 * come in: this is for what has neither. Tenant's role.
 */
export const recordAudit = (
  em: Em,
  { principal, kind = 'write', action, target = null, address = null, details = {} }: Recorded,
): Promise<void> =>
  insertAuditEntry(em, {
    ...blankEntry,
    id: newId(),
    tenantId: principal.tenantId,
    actor: principal.keyId,
    kind,
    action,
    target,
    address,
    details,
  });

/** What an entry has unless it says something else. */
export const blankEntry: Omit<NewAuditEntry, 'id'> = {
  tenantId: null,
  kind: 'write',
  via: 'api',
  actor: '',
  action: '',
  target: null,
  operation: null,
  address: null,
  requestId: null,
  outcome: 'accepted',
  code: null,
  details: {},
};

const targets = new WeakMap<Em, string>();

/** Names what a transaction of a request is about, where neither address nor body does: an account that is made under an id of its own. */
export const noteTarget = (em: Em, id: string): void => void targets.set(em, id);

export const notedTarget = (em: Em): string | undefined => targets.get(em);

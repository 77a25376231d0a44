import {
  accountIdsOf,
  changedFieldPolicies,
  clearDroppedFields,
  closeFieldPolicy,
} from '../../db/queries/retention/clear-dropped-fields.ts';
import type { MaintenanceRun } from './parts.ts';

/**
 * Empties the contact fields that tenants stopped keeping, one account in a transaction. A tenant is finished in one run,
 * whatever its time, since the next run would begin it anew. Answers how many contacts changed.
 */
export async function clearContactFields({ context: { db }, isOver, signal }: MaintenanceRun): Promise<number> {
  let changed = 0;
  for (const policy of await db.system(changedFieldPolicies)) {
    if (isOver()) break;
    for (const accountId of await db.system((em) => accountIdsOf(em, policy.id))) {
      signal.throwIfAborted();
      changed += await db.tenant(policy.id, (em) => clearDroppedFields(em, accountId, policy.kept));
    }
    await db.system((em) => closeFieldPolicy(em, policy));
  }
  return changed;
}

import {
  accountIdsOf,
  changedFieldPolicies,
  clearDroppedFields,
  closeFieldPolicy,
} from '../../db/queries/retention/clear-dropped-fields.ts';
import type { MaintenanceRun } from './parts.ts';

/**
 * Empties the contact fields that tenants stopped keeping, one account in a transaction. A tenant that is not finished
 * begins anew in the next run. Answers how many contacts changed.
 */
export async function clearContactFields({ context: { db }, isOver }: MaintenanceRun): Promise<number> {
  let changed = 0;
  for (const policy of await db.system(changedFieldPolicies)) {
    for (const accountId of await db.system((em) => accountIdsOf(em, policy.id))) {
      if (isOver()) return changed;
      changed += await db.tenant(policy.id, (em) => clearDroppedFields(em, accountId, policy.kept));
    }
    await db.system((em) => closeFieldPolicy(em, policy));
  }
  return changed;
}

import { accountsWithOldContacts, removeOldContacts } from '../../db/queries/retention/contact-retention.ts';
import { drain } from './drain.ts';
import type { MaintenanceRun } from './parts.ts';

/** Removes contacts that nothing has confirmed for as long as their tenant keeps them. Answers how many. */
export function removeContacts({ context: { db }, now, isOver }: MaintenanceRun): Promise<number> {
  return drain(async () => {
    let removed = 0;
    for (const account of await db.system((em) => accountsWithOldContacts(em, now)))
      removed += await drain(() => db.system((em) => removeOldContacts(em, account)), isOver);
    return removed;
  }, isOver);
}

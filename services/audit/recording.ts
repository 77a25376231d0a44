import type { Database, Em } from '../../db/connect.ts';
import { insertAuditEntry, type NewAuditEntry } from '../../db/queries/audit/insert-entries.ts';
import { newId } from '../../platform/ids.ts';
import type { AuditLog } from './audit-log.ts';
import { notedTarget } from './record.ts';

/** An entry without its id, made when it is stored: until then more becomes known of it. */
type Describe = () => Omit<NewAuditEntry, 'id'>;

/** The record of one request that writes. */
export interface Recording {
  /** For the work of the request: its first transaction that commits carries the entry. */
  db: Database;
  /** Before the answer: stores the entry where no transaction has carried it. */
  done(): Promise<void>;
  /** The request ended otherwise: `outcome` and the problem's code, beside an entry that was carried. */
  ended(outcome: 'refused' | 'failed', code: string): Promise<void>;
}

/**
 * Records a request once, whatever it does: what it writes commits with its entry or not at all. Calls to providers and to
 * Temporal come after a transaction that has read what they are about, so their entry is there before them. Transactions of one
 * request that overlap each carry an entry: one that waited for the other could wait for a lock that itself has.
 */
export function startRecording(log: AuditLog, db: Database, describe: Describe): Recording {
  let isCarried = false;
  const carrying = async <T>(run: (work: (em: Em) => Promise<T>) => Promise<T>, work: (em: Em) => Promise<T>) => {
    if (isCarried) return run(work);
    const result = await run(async (em) => {
      const entry = { id: newId(), ...describe() };
      // First, where it is known what it is about: then no lock of the work is held for longer.
      const isKnown = entry.target !== null || 'account' in entry.details;
      if (isKnown) await insertAuditEntry(em, entry);
      const made = await work(em);
      if (!isKnown) await insertAuditEntry(em, { ...entry, target: notedTarget(em) ?? null });
      return made;
    });
    isCarried = true;
    return result;
  };
  return {
    db: {
      ...db,
      tenant: (tenantId, work) => carrying((one) => db.tenant(tenantId, one), work),
      system: (work, more) => carrying((one) => db.system(one, more), work),
    },
    done: async () => {
      if (isCarried) return;
      await log.add({ id: newId(), ...describe() });
      isCarried = true;
    },
    ended: (outcome, code) => log.add({ id: newId(), ...describe(), outcome, code }),
  };
}

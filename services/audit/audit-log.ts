import { insertAuditEntries, type NewAuditEntry } from '../../db/queries/audit/insert-entries.ts';
import type { Context } from '../context.ts';

/** Stores entries outside of the transaction of what they tell. */
export interface AuditLog {
  /** Resolves once the entry is committed. Throws PostgreSQL's error, after which nothing of it is stored. */
  add(entry: NewAuditEntry): Promise<void>;
}

/** The most entries of one transaction. */
const atOnce = 500;

/** Entries that come while others are being stored share the next transaction. */
export function createAuditLog({ db, metrics }: Pick<Context, 'db' | 'metrics'>): AuditLog {
  let waiting: { entry: NewAuditEntry; done: PromiseWithResolvers<void> }[] = [];
  let isStoring = false;
  const store = async (): Promise<void> => {
    isStoring = true;
    while (waiting.length) {
      const batch = waiting.slice(0, atOnce);
      waiting = waiting.slice(atOnce);
      try {
        await db.system((em) =>
          insertAuditEntries(
            em,
            batch.map(({ entry }) => entry),
          ),
        );
        for (const { done } of batch) done.resolve();
      } catch (error) {
        metrics.auditFailures.inc(batch.length);
        for (const { done } of batch) done.reject(error);
      }
    }
    isStoring = false;
  };
  return {
    add: (entry) => {
      const done = Promise.withResolvers<void>();
      waiting.push({ entry, done });
      if (!isStoring) void store();
      return done.promise;
    },
  };
}

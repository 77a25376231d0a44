import { clearDroppedFields } from '../db/queries/retention/clear-dropped-fields.ts';
import { applyContactRetention } from '../db/queries/retention/contact-retention.ts';
import { keepLedger } from '../services/erasures/ledger-file-sync.ts';
import { runningErasures } from '../db/queries/erasures/erasures.ts';
import { applyRunRetention } from '../db/queries/retention/run-retention.ts';
import type { Context } from '../services/context.ts';

/** How long an erasure may take to begin before its workflow is assumed lost, in milliseconds. */
const patience = 30_000;
/** Erasures that one round starts again. */
const page = 100;
/** How often the retention of contacts and of syncs is looked at while nothing is due, in milliseconds. */
const retentionEvery = 10 * 60_000;

/**
 * What each round does for the privacy of contacts: erasures whose workflow was lost begin again, dropped fields are
 * emptied, contacts and syncs whose time is over go. A failure of one is logged and leaves the others and the round as
 * they are.
 */
export function keepPrivacy({ db, clock, log, temporal, config }: Context): () => Promise<void> {
  let retentionAt = 0;
  const writeLedger = config.ERASURE_LEDGER ? keepLedger(db, config.ERASURE_LEDGER) : () => Promise.resolve();
  const safely = async (what: string, work: () => Promise<void>): Promise<void> => {
    try {
      await work();
    } catch (error) {
      log.warn({ err: error }, `${what} failed, the next round tries again`);
    }
  };
  return async () => {
    const now = clock.now();
    await safely('starting erasures again', async () => {
      const lost = await db.system((em) => runningErasures(em, new Date(now.getTime() - patience), page));
      for (const erasure of lost) await temporal.startErasure(erasure);
    });
    await safely('writing the ledger', writeLedger);
    await safely('emptying dropped fields', async () => {
      await clearDroppedFields(db);
    });
    if (now.getTime() < retentionAt) return;
    let removed = 0;
    await safely('the retention of contacts', async () => {
      removed += await applyContactRetention(db, now);
    });
    await safely('the retention of syncs', async () => {
      const before = new Date(now.getTime() - config.RAW_RETENTION_DAYS * 86_400_000);
      removed += await db.system((em) => applyRunRetention(em, before));
    });
    retentionAt = removed ? 0 : now.getTime() + retentionEvery;
  };
}

import type { Context } from '../services/context.ts';
import { keepLedger } from '../services/erasures/ledger-file-sync.ts';
import { startLoop, type Loop } from './loop.ts';

/** Every worker keeps the file of `ERASURE_LEDGER` on its own host, where no other worker can write it. */
export function startLedgerFile({ config, db, log }: Context): Loop | null {
  if (!config.ERASURE_LEDGER) return null;
  const write = keepLedger(db, config.ERASURE_LEDGER);
  return startLoop(config.RECONCILE_INTERVAL_SECONDS * 1000, async () => {
    try {
      await write();
    } catch (error) {
      log.warn({ err: error }, 'the file of the ledger could not be written; the next round tries again');
    }
  });
}

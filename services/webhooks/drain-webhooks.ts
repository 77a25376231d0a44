import { applyOwed, clearSignals } from '../../db/queries/webhooks/owed.ts';
import type { Context } from '../context.ts';
import { signalConnection } from '../signal.ts';

/**
 * Applies events whose effect is owed, because their account was locked when they came and the process that took them in
 * did not come to it. Answers how many accounts were signalled. After a signal that Temporal did not take it sends no
 * other: these accounts have a check requested, so the repair of connections finds them.
 */
export async function drainWebhooks(context: Context): Promise<number> {
  const { db, clock } = context;
  const accounts = await db.system((em) => applyOwed(em, clock.now()));
  let signalled = 0;
  for (const { id: accountId, tenantId, channel, provider, events } of accounts) {
    if (!(await signalConnection(context, { accountId, tenantId, channel, provider }, 'webhook'))) break;
    await db.system((em) => clearSignals(em, events));
    signalled += 1;
  }
  return signalled;
}

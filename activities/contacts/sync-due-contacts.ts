import { Context } from '@temporalio/activity';
import { failRun } from '../../db/contacts/run-rows.ts';
import { openSweptRun } from '../../db/contacts/open-run.ts';
import { moveClaims, type DueAccount } from '../../db/queries/claim-due-accounts.ts';
import { failureRow, ProviderFailure } from '../../domain/failures.ts';
import { timeOf, type Deps } from '../deps.ts';
import { claimDue, type SweepRef } from './claim-due.ts';
import { holderOf, workOn, type Holder } from './sync-contacts.ts';

/** Accounts at a time. */
const together = 3;

/**
 * Reads the address books that are due, of some accounts: first of those that a killed try had claimed. One account's
 * failure is its own: what may pass is left running for its own workflow, which the reconciler starts. Answers whether
 * more are due.
 */
export const syncDueContacts =
  (deps: Deps) =>
  async (ref: SweepRef): Promise<boolean> => {
    const context = Context.current();
    const holder = { ...holderOf(context), try: 1 };
    const claims = await claimDue(deps, ref, 'contacts_due_at', context);
    const turns = claims.accounts.values();
    const work = async (): Promise<void> => {
      for (const one of turns) {
        await syncOne(deps, one, claims.until, ref.now, holder);
        holder.signal.throwIfAborted();
        claims.done(one.id);
      }
    };
    try {
      await Promise.all(Array.from({ length: together }, work));
    } catch (error) {
      await claims.giveBack();
      throw error;
    }
    return claims.isFull;
  };

async function syncOne(deps: Deps, account: DueAccount, claimed: Date, now: number, holder: Holder): Promise<void> {
  const ref = { tenantId: account.tenant_id, accountId: account.id, scope: '', now };
  try {
    await deps.db.tenant(ref.tenantId, (em) => openSweptRun(em, account.id, claimed, timeOf(deps, ref)));
    while (await workOn(deps, ref, holder));
  } catch (error) {
    deps.log.warn({ account: account.id, tenant: account.tenant_id, err: error }, 'an address book could not be read');
    if (!(error instanceof ProviderFailure)) return;
    const { action } = failureRow(error.code);
    if (action === 'retry' || action === 'wait') return;
    const at = timeOf(deps, ref);
    await deps.db.tenant(ref.tenantId, (em) => failRun(em, deps.vault, ref, holder.id, error.code, at));
    // Done for this fire: no later try of it takes the account up again.
    const next = new Date(at.getTime() + deps.contactsEveryMs / 2);
    await deps.db.tenant(ref.tenantId, (em) => moveClaims(em, 'contacts_due_at', [account.id], claimed, next));
    deps.metrics.syncs.inc({ kind: 'contacts', outcome: error.code });
  }
}

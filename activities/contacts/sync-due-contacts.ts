import { Context } from '@temporalio/activity';
import { rows } from '../../db/connect.ts';
import { failRun } from '../../db/contacts/run-rows.ts';
import { openSweptRun } from '../../db/contacts/open-run.ts';
import { claimDueAccounts, type DueAccount } from '../../db/queries/claim-due-accounts.ts';
import { failureRow, ProviderFailure } from '../../domain/failures.ts';
import { timeOf, type Deps } from '../deps.ts';
import { holderOf, workOn, type Holder } from './sync-contacts.ts';

/** A sweep's time, and the moment at which it began: what becomes due later is the next sweep's. */
export interface SweepRef {
  now: number;
  dueAt?: number;
}

/** Accounts of one activity, and how many of them at a time. */
const chunk = 20;
const together = 3;
/** How long a claimed account is left to its claimer, in milliseconds: longer than the activity may take. */
const claimMs = 45 * 60_000;

/**
 * Reads the address books that are due, of some accounts. One account's failure is its own: what may pass is left
 * running for its own workflow, which the reconciler starts. Answers whether more are due.
 */
export const syncDueContacts =
  (deps: Deps) =>
  async (ref: SweepRef): Promise<boolean> => {
    const holder = { ...holderOf(Context.current()), try: 1 };
    const now = timeOf(deps, ref);
    const lapses = new Date(now.getTime() + claimMs);
    const dueAt = new Date(Math.min(ref.dueAt ?? ref.now, now.getTime()));
    const due = await deps.db.system((em) => claimDueAccounts(em, 'contacts_due_at', dueAt, lapses, chunk));
    const left = [...due];
    const work = async (): Promise<void> => {
      for (let one = left.shift(); one; one = left.shift()) {
        if (holder.signal.aborted) left.unshift(one);
        holder.signal.throwIfAborted();
        await syncOne(deps, one, ref.now, holder);
      }
    };
    try {
      await Promise.all(Array.from({ length: together }, work));
    } catch (error) {
      // Told to stop: whose turn had not come is due again at once.
      for (const { id } of left)
        await deps.db.system((em) => rows(em, 'update accounts set contacts_due_at = ? where id = ?', [now, id]));
      throw error;
    }
    return due.length === chunk;
  };

async function syncOne(deps: Deps, account: DueAccount, now: number, holder: Holder): Promise<void> {
  const ref = { tenantId: account.tenant_id, accountId: account.id, scope: '', now };
  try {
    await deps.db.tenant(ref.tenantId, (em) =>
      openSweptRun(em, { id: account.id, tenantId: account.tenant_id }, timeOf(deps, ref)),
    );
    while (await workOn(deps, ref, holder));
  } catch (error) {
    deps.log.warn({ account: account.id, tenant: account.tenant_id, err: error }, 'an address book could not be read');
    if (!(error instanceof ProviderFailure)) return;
    const { action } = failureRow(error.code);
    if (action === 'retry' || action === 'wait') return;
    await deps.db.tenant(ref.tenantId, (em) => failRun(em, ref, holder.id, error.code, timeOf(deps, ref)));
    deps.metrics.syncs.inc({ kind: 'contacts', outcome: error.code });
  }
}

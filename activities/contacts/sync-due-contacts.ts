import { Context } from '@temporalio/activity';
import { failRun } from '../../db/contacts/run-rows.ts';
import { openFirstContactsRun } from '../../db/contacts/open-run.ts';
import { claimDueAccounts, type DueAccount } from '../../db/queries/claim-due-accounts.ts';
import { failureRow, ProviderFailure } from '../../domain/failures.ts';
import { timeOf, type Deps } from '../deps.ts';
import { workOn, type Holder } from './sync-contacts.ts';

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
  async (ref: { now: number }): Promise<boolean> => {
    const { info, cancellationSignal: signal } = Context.current();
    const now = timeOf(deps, ref);
    const lapses = new Date(now.getTime() + claimMs);
    const due = await deps.db.system((em) => claimDueAccounts(em, 'contacts_due_at', now, lapses, chunk));
    const left = [...due];
    const holder = { id: `${info.workflowExecution?.workflowId}/${info.workflowExecution?.runId}`, try: 1, signal };
    const work = async (): Promise<void> => {
      for (let one = left.shift(); one && !signal.aborted; one = left.shift())
        await syncOne(deps, one, ref.now, holder);
    };
    await Promise.all(Array.from({ length: together }, work));
    return due.length === chunk;
  };

async function syncOne(deps: Deps, account: DueAccount, now: number, holder: Holder): Promise<void> {
  const ref = { tenantId: account.tenant_id, accountId: account.id, scope: '', now };
  try {
    await deps.db.tenant(ref.tenantId, (em) =>
      openFirstContactsRun(em, { id: account.id, tenantId: account.tenant_id }, timeOf(deps, ref)),
    );
    while (await workOn(deps, ref, holder));
  } catch (error) {
    deps.log.warn({ account: account.id, tenant: account.tenant_id, err: error }, 'an address book could not be read');
    if (!(error instanceof ProviderFailure)) return;
    const { action } = failureRow(error.code);
    if (action === 'retry' || action === 'wait') return;
    await deps.db.tenant(ref.tenantId, (em) => failRun(em, ref, error.code, timeOf(deps, ref)));
    deps.metrics.syncs.inc({ kind: 'contacts', outcome: error.code });
  }
}

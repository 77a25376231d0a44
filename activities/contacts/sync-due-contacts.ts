import { Context } from '@temporalio/activity';
import { z } from 'zod';
import type { Em } from '../../db/connect.ts';
import { failRun } from '../../db/contacts/run-rows.ts';
import { openSweptRun } from '../../db/contacts/open-run.ts';
import { claimDueAccounts, moveClaims, type DueAccount } from '../../db/queries/claim-due-accounts.ts';
import { failureRow, ProviderFailure } from '../../domain/failures.ts';
import { timeOf, type Deps } from '../deps.ts';
import { note } from '../heartbeat.ts';
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

/** What a try leaves to the next one: whom it has claimed and not done, and until when. */
const noted = z.object({ claimed: z.array(z.uuid()).max(chunk), until: z.iso.datetime() });

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
    const now = timeOf(deps, ref);
    const lapses = new Date(now.getTime() + claimMs);
    const dueAt = new Date(Math.min(ref.dueAt ?? ref.now, now.getTime()));
    const left = new Set<string>();
    const noteLeft = (): void => note(context, { claimed: [...left], until: lapses.toISOString() });
    const due = await deps.db.system(async (em) => {
      const held = await takeOver(em, context.info.heartbeatDetails, lapses);
      const more = await claimDueAccounts(em, 'contacts_due_at', dueAt, lapses, chunk - held.length);
      const all = [...held, ...more];
      for (const { id } of all) left.add(id);
      // Before the claims are committed: whoever dies in between leaves none that nobody knows of.
      noteLeft();
      return all;
    });
    const turns = due.values();
    const work = async (): Promise<void> => {
      for (const one of turns) {
        await syncOne(deps, one, lapses, ref.now, holder);
        holder.signal.throwIfAborted();
        left.delete(one.id);
        noteLeft();
      }
    };
    try {
      await Promise.all(Array.from({ length: together }, work));
    } catch (error) {
      // Told to stop: who is not done is due again at once.
      await deps.db.system((em) => moveClaims(em, [...left], lapses, dueAt));
      throw error;
    }
    return due.length === chunk;
  };

/** Claims what the try before left, where anything is known of it. */
async function takeOver(em: Em, details: unknown, lapses: Date): Promise<DueAccount[]> {
  const { data } = noted.safeParse(details);
  return data ? moveClaims(em, data.claimed, new Date(data.until), lapses) : [];
}

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
    await deps.db.tenant(ref.tenantId, (em) => moveClaims(em, [account.id], claimed, next));
    deps.metrics.syncs.inc({ kind: 'contacts', outcome: error.code });
  }
}

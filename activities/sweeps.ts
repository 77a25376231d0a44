import { Context as ActivityContext } from '@temporalio/activity';
import { moveLeases, type DueAccount } from '../db/queries/accounts/lease-due-accounts.ts';
import { failRun } from '../db/queries/syncs/held-runs.ts';
import { openSweptRun } from '../db/queries/syncs/open-runs.ts';
import { failureRow, ProviderFailure } from '../domain/failures.ts';
import { sumOf, type SweepCounts, type SweepProgress } from '../domain/syncs.ts';
import { contactsEveryMs } from '../platform/config.ts';
import { timeOf, type Context } from '../services/context.ts';
import { completeContacts } from '../services/contacts/complete-contacts.ts';
import { syncContacts } from '../services/contacts/sync-contacts.ts';
import { fetchDueMedia } from '../services/media/fetch-due-media.ts';
import type { Holder } from '../services/syncs/held-run.ts';
import { leaseDueAccounts, type Leases, type SweepRef } from './lease-due-accounts.ts';
import { refreshDueTokens } from './refresh-tokens.ts';
import { remindDueOwners } from './remind-owners.ts';
import { holderOf } from './syncs.ts';

const accountsAtOnce = 3;
/** Then the activity ends, and another one continues. */
const activityMs = 4 * 60_000;
const picturesForMs = 4 * 60_000;

/** Each leases due accounts, works on them for some minutes, and returns how many, and whether more may be due. */
export const sweepActivities = (context: Context) => ({
  syncDueContacts: (ref: SweepRef) => syncDue(context, ref, ActivityContext.current()),
  fetchDuePictures: (ref: SweepRef) => fetchDuePictures(context, ref, ActivityContext.current()),
  fetchDueFiles: (ref: SweepRef) => fetchDueFiles(context, ref, ActivityContext.current()),
  refreshDueTokens: (ref: SweepRef) => refreshDueTokens(context, ref, ActivityContext.current()),
  remindDueOwners: (ref: SweepRef) => remindDueOwners(context, ref, ActivityContext.current()),
});

const kind = 'contacts';
const due = 'contacts_due_at';

/**
 * One account's failure stops no other. After a passing failure the run stays open; the reconciler starts its workflow.
 */
async function syncDue(context: Context, ref: SweepRef, activity: ActivityContext): Promise<SweepProgress> {
  const began = Date.now();
  let counts: SweepCounts = { accounts: 0, failed: 0 };
  let more: boolean;
  do {
    const chunk = await syncChunk(context, ref, activity);
    counts = sumOf(counts, chunk);
    more = chunk.more;
  } while (more && ref.isOneOfMany && Date.now() - began < activityMs);
  return { more, ...counts };
}

async function syncChunk(context: Context, ref: SweepRef, activity: ActivityContext): Promise<SweepProgress> {
  const { id, ...rest } = holderOf(activity);
  // Activities of one sweep work at the same time.
  const holder = { ...rest, id: `${id}/${activity.info.activityId}`, try: 1 };
  const leases = await leaseDueAccounts(context, ref, due, activity);
  if (!ref.isOneOfMany && leases.isFull) return leaveToMany(leases);
  const turns = leases.accounts.values();
  let failed = 0;
  const work = async (): Promise<void> => {
    for (const one of turns) {
      if (!(await syncOne(context, one, leases.until, ref.now, holder))) failed += 1;
      holder.signal.throwIfAborted();
      leases.done(one.id);
    }
  };
  try {
    await Promise.all(Array.from({ length: accountsAtOnce }, work));
  } catch (error) {
    await leases.release();
    throw error;
  }
  return { more: leases.isFull, accounts: leases.accounts.length, failed };
}

async function leaveToMany(leases: Leases): Promise<SweepProgress> {
  await leases.release();
  return { more: true, accounts: 0, failed: 0 };
}

/** False where the account could not be read. */
async function syncOne(
  context: Context,
  account: DueAccount,
  leasedUntil: Date,
  now: number,
  holder: Holder,
): Promise<boolean> {
  const ref = { kind, tenantId: account.tenant_id, accountId: account.id, scope: '', now } as const;
  try {
    await context.db.tenant(ref.tenantId, (em) =>
      openSweptRun(em, kind, due, account.id, leasedUntil, timeOf(context, ref)),
    );
    while ((await syncContacts(context, ref, holder)).more);
    return true;
  } catch (error) {
    context.log.warn(
      { account: account.id, tenant: account.tenant_id, kind, err: error },
      'an account could not be read by a sweep',
    );
    if (!(error instanceof ProviderFailure)) return false;
    const { action } = failureRow(error.code);
    if (action === 'retry' || action === 'wait') return false;
    const at = timeOf(context, ref);
    await context.db.tenant(ref.tenantId, (em) => failRun(em, context.vault, ref, holder.id, error.code, at));
    // So that a later try of this activity does not lease the account again.
    const next = new Date(at.getTime() + contactsEveryMs(context.config) / 2);
    await context.db.tenant(ref.tenantId, (em) => moveLeases(em, due, [account.id], leasedUntil, next));
    context.metrics.syncs.inc({ kind, outcome: error.code });
    return false;
  }
}

/** Fetches pictures, and phone numbers of LIDs, within the provider's quotas. */
async function fetchDuePictures(context: Context, ref: SweepRef, activity: ActivityContext): Promise<SweepProgress> {
  const { cancellationSignal: signal } = activity;
  const now = (): Date => timeOf(context, ref);
  const leases = await leaseDueAccounts(context, ref, 'pictures_due_at', activity);
  if (!ref.isOneOfMany && leases.isFull) return leaveToMany(leases);
  const began = Date.now();
  const isOver = (): boolean => Date.now() - began > picturesForMs;
  let failed = 0;
  const work = async (account: DueAccount): Promise<void> => {
    try {
      await completeContacts(context, account, now, isOver, signal);
    } catch (error) {
      if (signal.aborted) return;
      // The account is due again when its lease ends.
      failed += 1;
      context.log.warn({ account: account.id, tenant: account.tenant_id, err: error }, 'pictures could not be fetched');
    }
    leases.done(account.id);
  };
  // At the same time: each waits for its quota most of the time.
  await Promise.all(leases.accounts.map(work));
  if (signal.aborted) await leases.release();
  signal.throwIfAborted();
  return { more: leases.isFull, accounts: leases.accounts.length, failed };
}

/** Fetches the files of messages. */
async function fetchDueFiles(context: Context, ref: SweepRef, activity: ActivityContext): Promise<SweepProgress> {
  const { cancellationSignal: signal } = activity;
  const began = Date.now();
  const isOver = (): boolean => Date.now() - began > activityMs;
  const now = (): Date => timeOf(context, ref);
  const dueAt = new Date(Math.min(ref.dueAt ?? ref.now, now().getTime()));
  let counts: SweepCounts = { accounts: 0, failed: 0 };
  let more: boolean;
  do {
    const chunk = await fetchDueMedia(context, { dueAt, now, isOver, signal }, !ref.isOneOfMany);
    counts = sumOf(counts, chunk);
    more = chunk.more;
  } while (more && ref.isOneOfMany && !isOver());
  return { more, ...counts };
}

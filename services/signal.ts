import type { SyncKind } from '../domain/syncs.ts';
import type { AccountRef, TemporalClient } from '../temporal/client.ts';
import type { BulkInput, Cause, StartSyncsInput } from '../workflows/messages.ts';
import type { Context } from './context.ts';

type Signalling = Pick<Context, 'temporal' | 'log'>;

/** How long a request waits for Temporal to take a signal, in milliseconds. */
const deadlineMs = 2_000;

/**
 * Signals the account's workflow, best effort: what is requested stands in PostgreSQL already, so when Temporal does not
 * take the signal in time, the reconciler signals later. Answers whether it was taken.
 */
export const signalConnection = (
  { temporal, log }: Signalling,
  account: AccountRef,
  cause: Cause,
  withinMs = deadlineMs,
): Promise<boolean> => bestEffort(log, account, () => temporal.signalConnection(account, cause, withinMs));

/** A sync whose run stands in PostgreSQL. */
export interface OpenSync {
  kind: SyncKind;
  scope: string;
}

/** Starts the workflow of a sync, or makes a running one repeat; with `join` false a running one is left alone. */
export function startSyncWorkflow(
  temporal: TemporalClient,
  account: AccountRef,
  { kind, scope }: OpenSync,
  cause: Cause,
  join = true,
): Promise<void> {
  if (kind === 'details') return temporal.startSyncDetails(account, cause, join);
  return kind === 'contacts'
    ? temporal.startSyncContacts(account, scope, cause, join)
    : temporal.startSyncConversations(account, scope, cause, join);
}

/** The same, best effort. */
export const startSync = ({ temporal, log }: Signalling, account: AccountRef, sync: OpenSync, cause: Cause) =>
  bestEffort(log, account, () => startSyncWorkflow(temporal, account, sync, cause));

/** The same for the queue of an account's messages. */
export const startSends = ({ temporal, log }: Signalling, account: AccountRef, cause: Cause) =>
  bestEffort(log, account, () => temporal.startSends(account, cause));

/** The same for all syncs of a kind that stand in PostgreSQL for a tenant. */
export const startOpenedSyncs = ({ temporal, log }: Signalling, syncs: StartSyncsInput, cause: Cause) =>
  bestEffort(log, { tenantId: syncs.tenantId }, () => temporal.startOpenedSyncs(syncs, cause));

/** The same for a bulk operation; `kind` is shown. */
export const startBulk = ({ temporal, log }: Signalling, bulk: BulkInput, kind: string, cause: Cause) =>
  bestEffort(log, { tenantId: bulk.tenantId }, () => temporal.startBulk(bulk, kind, cause));

async function bestEffort(log: Context['log'], of: Partial<AccountRef>, send: () => Promise<void>): Promise<boolean> {
  try {
    await send();
    return true;
  } catch (error) {
    log.warn(
      { tenant: of.tenantId, account: of.accountId, err: error },
      'Temporal did not take a signal; the reconciler will send it',
    );
    return false;
  }
}

import { UniqueConstraintViolationException } from '@mikro-orm/core';
import { endQueuedSends } from '../../../db/queries/sends/settle-send.ts';
import { addTimelineEvent, moveAccount } from '../../../db/queries/accounts/timeline.ts';
import { lockContacts } from '../../../db/queries/contacts/lock-contacts.ts';
import { accountRemoved, lockAccounts } from '../../../db/queries/accounts/lock-accounts.ts';
import { forgetAccountKeys, keepAccountKeys } from '../../../db/queries/accounts/account-keys.ts';
import type { Em } from '../../../db/connect.ts';
import { Account } from '../../../db/entities/accounts.ts';
import { ConnectionAttempt } from '../../../db/entities/attempts.ts';
import { purgeAccount } from '../../../db/queries/accounts/purge-account.ts';
import { openAttempts } from '../../../db/queries/attempts/open-attempts.ts';
import { firstContactsReads } from '../../../db/queries/syncs/open-contacts-run.ts';
import { historyAgainAt } from '../../../db/queries/syncs/open-history-run.ts';
import { openWholeRun } from '../../../db/queries/syncs/open-runs.ts';
import { sealed } from '../../../db/sealed.ts';
import type { AccountDetails } from '../../../domain/accounts.ts';
import { failureRow, type FailureCode } from '../../../domain/failures.ts';
import type { AttemptRef, Progress } from '../../../domain/attempts.ts';
import type { AccountView, Provider, ProviderCall } from '../../../providers/provider.ts';
import { isDifferentIdentity } from '../../accounts/follow-check.ts';
import { saveDetails } from '../../accounts/save-details.ts';
import type { AccountRef } from '../../../temporal/client.ts';
import type { Context } from '../../context.ts';
import { refOf } from '../../accounts/find-account.ts';
import { keepsHistory } from '../../provider-names.ts';
import { signalConnection, startSync, type OpenSync } from '../../signal.ts';
import { claimEvents } from '../../webhooks/claim-events.ts';
import { compensateAttempt } from './compensate.ts';
import { attemptIn, checkDone, type AttemptTx } from './attempt-tx.ts';
import { endAttempt } from './end-attempt.ts';
import { isSuperseded, placeLastStep, progressOf } from './steps.ts';

/**
 * Completes a login that succeeded, as a check showed that was requested at `wanted`. In one transaction the account gets
 * its upstream id, identity and details, becomes active, and claims the events that came too early. If the identity
 * already has an account, this one is merged into it. The unique indexes decide which of two simultaneous logins wins,
 * and the other one is tried again.
 */
export async function completeLogin(
  context: Context,
  ref: AttemptRef,
  provider: Provider,
  call: ProviderCall,
  view: AccountView,
  wanted: Date | null,
): Promise<Progress> {
  await provider.account.subscribe?.(call);
  const details = await provider.account.details(call, view);
  const reads = {
    contacts: provider.contacts !== undefined,
    conversations: keepsHistory(provider, call.channel),
  };
  const attempt = () => context.db.system((em) => settle(context, em, ref, call, view, details, wanted, reads));
  const settled = await attempt().catch((error: unknown) => {
    if (error instanceof UniqueConstraintViolationException) return attempt();
    throw error;
  });
  if (settled.winner) {
    await signalConnection(context, settled.winner, 'merge', 5_000);
    // Deletes the older login, which this one replaces; the reconciler has a failure tried again.
    await compensateAttempt(context, ref).catch((error: unknown) =>
      context.log.warn(
        { account: ref.accountId, err: error },
        'deleting at the provider failed; the reconciler will have it tried again',
      ),
    );
  }
  for (const sync of settled.syncs) await startSync(context, sync.account, sync, 'login');
  return settled.progress;
}

/** Runs as the system role: an account of another tenant may have the same login. */
async function settle(
  context: Context,
  em: Em,
  ref: AttemptRef,
  call: ProviderCall,
  view: AccountView,
  details: AccountDetails,
  wanted: Date | null,
  reads: Readable,
): Promise<Settled> {
  const rivals = await rivalsOf(em, ref, call, view);
  const tx = await attemptIn(context, em, ref);
  const { account, attempt, at } = tx;
  if (attempt.state !== 'running') return { progress: progressOf(tx), winner: null, syncs: [] };
  const upstream = call.providerAccountId ?? '';

  if (rivals.some((one) => one.tenantId !== account.tenantId)) {
    attempt.undo = attempt.undo.filter((id) => id !== upstream);
    return { progress: progressOf(tx, 'account_in_use'), winner: null, syncs: [] };
  }
  if (isDifferentIdentity(account, view))
    return { progress: progressOf(tx, 'another_identity'), winner: null, syncs: [] };

  const winner = rivals[0];
  const foreign = attempt.mergeAcrossOwners ? undefined : rivals.find((one) => one.owner !== account.owner);
  if (foreign) {
    // A login that the other account has is not this attempt's to delete.
    if (foreign.providerAccountId === upstream) attempt.undo = attempt.undo.filter((id) => id !== upstream);
    const text = 'This identity is connected for another owner: the login was not merged into that account.';
    const data = { account_id: foreign.id };
    addTimelineEvent(em, account, at, 'another_owner', text, { attempt: attempt.number, data });
    return { progress: progressOf(tx, 'another_owner'), winner: null, syncs: [] };
  }
  // The newer operation is about this account alone: its login is not merged away from under it.
  if (winner && (await isSuperseded(tx))) return { progress: progressOf(tx, 'superseded'), winner: null, syncs: [] };
  attempt.undo = attempt.undo.filter((id) => id !== upstream);
  if (winner) {
    await mergeInto(context, em, tx, winner, upstream);
    // Those of this login: its own account has them, and is given up.
    await keepAccountKeys(em, context.vault, winner, call.keys ?? undefined, at);
  }
  const survivor = winner ?? account;
  survivor.providerAccountId = upstream;
  survivor.identity = view.identity ?? survivor.identity;
  takeSecret(tx, survivor);
  checkDone(account, wanted);
  survivor.toldLostAt = null;
  const wasNew = survivor.detailsAt === null;
  await saveDetails(context.vault, em, survivor, view, details, at);
  moveAccount(em, survivor, { type: 'linked', at }, winner ? undefined : attempt.number);
  await claimEvents(context, em, survivor, at);

  attempt.state = 'succeeded';
  attempt.endedAt = at;
  if (winner) {
    attempt.reason = 'same_identity' satisfies FailureCode;
    attempt.detail = failureRow('same_identity').whatToDo;
  }
  attempt.input = null;
  attempt.callbackToken = null;
  await placeLastStep(tx, 'done', 'accepted');
  addTimelineEvent(
    em,
    account,
    at,
    'attempt_ended',
    wasNew ? 'The account was connected.' : 'The account was connected again.',
    {
      attempt: attempt.number,
    },
  );
  context.metrics.attempts.inc({ operation: attempt.operation, outcome: 'succeeded' });
  return {
    progress: progressOf(tx),
    winner: winner ? refOf(winner) : null,
    syncs: await openFirstSyncs(em, survivor, reads, at),
  };
}

/** What the account's provider can be asked to read. */
type Readable = Record<'contacts' | 'conversations', boolean>;

interface Settled {
  progress: Progress;
  winner: AccountRef | null;
  /** Syncs that begin with this login. */
  syncs: (OpenSync & { account: AccountRef })[];
}

/** After a first login what is there is read, after another one what was missed. */
async function openFirstSyncs(em: Em, survivor: Account, reads: Readable, at: Date): Promise<Settled['syncs']> {
  const account = refOf(survivor);
  const syncs: Settled['syncs'] = [];
  if (reads.contacts) {
    Object.assign(survivor, firstContactsReads(at));
    syncs.push({ account, kind: 'contacts', scope: '' });
  }
  if (reads.conversations) {
    survivor.historyAgainAt = historyAgainAt(survivor, at);
    syncs.push({ account, kind: 'conversations', scope: '' });
  }
  for (const { kind } of syncs) await openWholeRun(em, kind, survivor.id, at);
  return syncs;
}

/**
 * Other accounts that hold this upstream login or, in this tenant, this identity. They and this attempt's account are
 * locked in the order of their ids, so that two logins of one identity never wait for each other, and their contacts
 * before them (see `withAttemptAndContacts`).
 */
async function rivalsOf(em: Em, ref: AttemptRef, call: ProviderCall, view: AccountView): Promise<Account[]> {
  const own = await em.findOne(Account, { id: ref.accountId });
  if (!own) throw accountRemoved(ref.accountId);
  const { tenantId, provider, channel, credentialsId } = own;
  const same = [
    { credentialsId, providerAccountId: call.providerAccountId },
    ...(view.identity ? [{ tenantId, provider, channel, identity: view.identity }] : []),
  ];
  const rivals = { mergedInto: null, $or: same };
  const found = await em.find(Account, { id: { $ne: ref.accountId }, ...rivals }, { fields: ['id'] });
  const ids = found.map(({ id }) => id);
  const all = [ref.accountId, ...ids].toSorted();
  for (const id of all) await lockContacts(em, id);
  await lockAccounts(em, all);
  // Again under the lock: one of them may have been merged meanwhile.
  return em.find(Account, { id: { $in: ids }, ...rivals }, { orderBy: { id: 'asc' } });
}

/**
 * Merges this attempt's account into `winner`, which takes the newer login. The winner's open attempts end: they were
 * about the login that this one replaces. Only a disconnection that was requested after this login stays open.
 */
async function mergeInto(context: Context, em: Em, tx: AttemptTx, winner: Account, upstream: string): Promise<void> {
  const { account, attempt, at } = tx;
  for (const open of await openAttempts(em, winner.id)) {
    if (open.operation === 'disconnect' && open.startedAt > attempt.startedAt) continue;
    const { tenantId, id: accountId } = winner;
    const replaced = await attemptIn(context, em, { tenantId, accountId, attempt: open.number, now: at.getTime() });
    await endAttempt(context, replaced, 'superseded');
    if (open.operation === 'disconnect' && open.purge) await purgeAccount(em, winner, open.id);
  }
  const old = winner.providerAccountId;
  // Delete only a login that one of our attempts made.
  const ours = old && old !== upstream && (await em.count(ConnectionAttempt, { providerAccountId: old })) > 0;
  if (ours) attempt.undo = [...new Set([...attempt.undo, old])];
  account.mergedInto = winner.id;
  account.providerAccountId = null;
  account.secret = null;
  if (account.providerGroups.length) winner.providerGroups = account.providerGroups;
  account.providerGroups = [];
  forgetAccountKeys(account);
  await endQueuedSends(em, account.id, 'same_identity', at);
  moveAccount(em, account, { type: 'merged', at }, attempt.number);
  addTimelineEvent(
    em,
    account,
    at,
    'merged',
    'This identity was already connected: the account was merged into the earlier one.',
    {
      attempt: attempt.number,
      data: { merged_into: winner.id },
    },
  );
  addTimelineEvent(em, winner, at, 'took_over', 'A newer login of the same identity replaced the one before.', {
    data: { from: account.id },
  });
  // Ordered by hand: the unique indexes on login and identity count this account until its row is written.
  await em.flush();
}

/** Stores the credentials of this login for the next reconnection. */
function takeSecret({ keys, attempt }: AttemptTx, survivor: Account): void {
  if (!attempt.input) return;
  const input = keys.open(attempt.input, sealed.attemptInput(attempt.id));
  survivor.secret = keys.seal(input, sealed.accountSecret(survivor.id));
  survivor.method = attempt.method;
}

import { LockMode, UniqueConstraintViolationException } from '@mikro-orm/core';
import { addTimelineEvent, moveAccount } from '../../../db/queries/accounts/timeline.ts';
import { forgetAccountKeys } from '../../../db/queries/accounts/account-keys.ts';
import type { Em } from '../../../db/connect.ts';
import { Account } from '../../../db/entities/accounts.ts';
import { ConnectionAttempt } from '../../../db/entities/attempts.ts';
import { openFirstContactsRun } from '../../../db/queries/syncs/open-contacts-run.ts';
import { sealed } from '../../../db/sealed.ts';
import type { AccountDetails } from '../../../domain/details.ts';
import type { AttemptRef, Progress } from '../../../domain/attempts.ts';
import type { AccountView, Provider, ProviderCall } from '../../../providers/provider.ts';
import { saveDetails } from '../../accounts/save-details.ts';
import type { AccountRef } from '../../../temporal/client.ts';
import type { Context } from '../../context.ts';
import { refOf } from '../../accounts/find-account.ts';
import { signalConnection, startContactsSync } from '../../signal.ts';
import { claimEvents } from '../../webhooks/claim-events.ts';
import { compensateAttempt } from './compensate.ts';
import { lockAttempt, isDifferentIdentity, checkDone, type AttemptTx } from './attempt-tx.ts';
import { placeLastStep, progressOf } from './steps.ts';

/**
 * A login succeeded, as a look showed that was taken when one was wanted at `wanted`: in one transaction the account takes its upstream id and identity, becomes active, gets its
 * details, and claims the events that came too early. If the identity already has an account, this one is merged
 * into it. Which of two simultaneous logins wins is decided by the unique indexes, hence the second try.
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
  const hasContacts = provider.contacts !== undefined;
  const attempt = () => context.db.system((em) => settle(context, em, ref, call, view, details, wanted, hasContacts));
  const settled = await attempt().catch((error: unknown) => {
    if (error instanceof UniqueConstraintViolationException) return attempt();
    throw error;
  });
  if (settled.winner) {
    await signalConnection(context, settled.winner, 5_000);
    // The login that the newer one replaces; what cannot be deleted now, the reconciler owes.
    await compensateAttempt(context, ref).catch((error: unknown) =>
      context.log.warn({ account: ref.accountId, err: error }, 'left for later: deleting at the provider'),
    );
  }
  if (settled.contacts) await startContactsSync(context, ...settled.contacts);
  return settled.progress;
}

/** Runs as the system's role: whether another tenant holds the login is a question across tenants. */
async function settle(
  context: Context,
  em: Em,
  ref: AttemptRef,
  call: ProviderCall,
  view: AccountView,
  details: AccountDetails,
  wanted: Date | null,
  hasContacts: boolean,
): Promise<{ progress: Progress; winner: AccountRef | null; contacts: [account: AccountRef, scope: string] | null }> {
  const rivals = await rivalsOf(em, ref, call, view);
  const held = await lockAttempt(context, em, ref);
  const { account, attempt, at } = held;
  if (attempt.state !== 'running') return { progress: progressOf(held), winner: null, contacts: null };
  const upstream = call.providerAccountId ?? '';

  if (rivals.some((one) => one.tenantId !== account.tenantId)) {
    attempt.undo = attempt.undo.filter((id) => id !== upstream);
    return { progress: progressOf(held, 'account_in_use'), winner: null, contacts: null };
  }
  if (isDifferentIdentity(account, view))
    return { progress: progressOf(held, 'another_identity'), winner: null, contacts: null };

  const winner = rivals[0];
  attempt.undo = attempt.undo.filter((id) => id !== upstream);
  if (winner) await mergeInto(em, held, winner, upstream);
  const survivor = winner ?? account;
  survivor.providerAccountId = upstream;
  survivor.identity = view.identity ?? survivor.identity;
  takeSecret(held, survivor);
  checkDone(account, wanted);
  const wasNew = survivor.detailsAt === null;
  saveDetails(held.keys, em, survivor, view, details, at);
  moveAccount(em, survivor, { type: 'linked', at }, winner ? undefined : attempt.number);
  await claimEvents(em, context.vault, survivor, at);

  attempt.state = 'succeeded';
  attempt.endedAt = at;
  attempt.input = null;
  attempt.callbackToken = null;
  await placeLastStep(held, 'done', 'accepted');
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
  await em.flush();
  const run = hasContacts ? await openFirstContactsRun(em, survivor, at) : null;
  return {
    progress: progressOf(held),
    winner: winner ? refOf(winner) : null,
    contacts: run && [refOf(survivor), run.scope],
  };
}

/** Other accounts that hold this upstream login or, in this tenant, this identity; locked in the order of their ids. */
async function rivalsOf(em: Em, ref: AttemptRef, call: ProviderCall, view: AccountView): Promise<Account[]> {
  const own = await em.findOneOrFail(Account, { id: ref.accountId });
  const { tenantId, provider, channel, credentialsId } = own;
  const same = [
    { credentialsId, providerAccountId: call.providerAccountId },
    ...(view.identity ? [{ tenantId, provider, channel, identity: view.identity }] : []),
  ];
  return em.find(
    Account,
    { id: { $ne: ref.accountId }, mergedInto: null, $or: same },
    { orderBy: { id: 'asc' }, lockMode: LockMode.PESSIMISTIC_WRITE },
  );
}

/** This attempt's account becomes another name of `winner`, which takes the newer login. */
async function mergeInto(em: Em, held: AttemptTx, winner: Account, upstream: string): Promise<void> {
  const { account, attempt, at } = held;
  const old = winner.providerAccountId;
  // Only a login that one of our attempts made is ours to delete.
  const ours = old && old !== upstream && (await em.count(ConnectionAttempt, { providerAccountId: old })) > 0;
  if (ours) attempt.undo = [...new Set([...attempt.undo, old])];
  account.mergedInto = winner.id;
  account.providerAccountId = null;
  account.secret = null;
  forgetAccountKeys(account);
  moveAccount(em, account, { type: 'disconnected', at }, attempt.number);
  addTimelineEvent(
    em,
    account,
    at,
    'merged',
    'This identity was already connected: the account became part of the earlier one.',
    {
      attempt: attempt.number,
      data: { merged_into: winner.id },
    },
  );
  addTimelineEvent(em, winner, at, 'took_over', 'A newer login of the same identity was taken over.', {
    data: { from: account.id },
  });
  // The index on the identity counts the loser until its row is written.
  await em.flush();
}

/** What the owner logged in with, kept for the next reconnection. */
function takeSecret({ keys, attempt }: AttemptTx, survivor: Account): void {
  if (!attempt.input) return;
  const input = keys.open(attempt.input, sealed.attemptInput(attempt.id));
  survivor.secret = keys.seal(input, sealed.accountSecret(survivor.id));
  survivor.method = attempt.method;
}

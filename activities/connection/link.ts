import { LockMode, UniqueConstraintViolationException } from '@mikro-orm/core';
import { moveAccount, tell } from '../../db/account-events.ts';
import { forgetAccountKeys } from '../../db/account-keys.ts';
import type { Em } from '../../db/connect.ts';
import { Account } from '../../db/entities/accounts.ts';
import { ConnectionAttempt } from '../../db/entities/attempts.ts';
import { openFirstContactsRun } from '../../db/contacts/open-run.ts';
import { sealed } from '../../db/sealed.ts';
import type { AccountDetails } from '../../domain/details.ts';
import type { AttemptRef, Progress } from '../../domain/progress.ts';
import type { AccountView, Provider, ProviderCall } from '../../providers/provider.ts';
import { saveDetails } from '../save-details.ts';
import type { AccountRef } from '../../platform/temporal.ts';
import type { Deps } from '../deps.ts';
import { claimEvents } from './claim-events.ts';
import { cleanUpAttempt } from './clean-up.ts';
import { holdAttempt, isStranger, looked, type Held } from './rows.ts';
import { placeLastStep, progressOf } from './steps.ts';

/**
 * A login succeeded, as a look showed that was taken when one was wanted at `wanted`: in one transaction the account takes its upstream id and identity, becomes active, gets its
 * details, and claims the events that came too early. If the identity already has an account, this one is merged
 * into it. Which of two simultaneous logins wins is decided by the unique indexes, hence the second try.
 */
export async function link(
  deps: Deps,
  ref: AttemptRef,
  provider: Provider,
  call: ProviderCall,
  view: AccountView,
  wanted: Date | null,
): Promise<Progress> {
  await provider.account.subscribe?.(call);
  const details = await provider.account.details(call, view);
  const hasBook = provider.contacts !== undefined;
  const attempt = () => deps.db.system((em) => settle(deps, em, ref, call, view, details, wanted, hasBook));
  const settled = await attempt().catch((error: unknown) => {
    if (error instanceof UniqueConstraintViolationException) return attempt();
    throw error;
  });
  if (settled.told) {
    await deps.tellConnection(settled.told);
    // The login that the newer one replaces; what cannot be deleted now, the reconciler owes.
    await cleanUpAttempt(deps, ref).catch((error: unknown) =>
      deps.log.warn({ account: ref.accountId, err: error }, 'left for later: deleting at the provider'),
    );
  }
  if (settled.book)
    await deps.startSyncContacts(...settled.book).catch((error: unknown) => {
      deps.log.warn({ account: ref.accountId, err: error }, 'a sync could not be started; the reconciler will');
    });
  return settled.progress;
}

/** Runs as the system's role: whether another tenant holds the login is a question across tenants. */
async function settle(
  deps: Deps,
  em: Em,
  ref: AttemptRef,
  call: ProviderCall,
  view: AccountView,
  details: AccountDetails,
  wanted: Date | null,
  hasBook: boolean,
): Promise<{ progress: Progress; told: AccountRef | null; book: [account: AccountRef, scope: string] | null }> {
  const rivals = await rivalsOf(em, ref, call, view);
  const held = await holdAttempt(deps, em, ref);
  const { account, attempt, at } = held;
  if (attempt.state !== 'running') return { progress: progressOf(held), told: null, book: null };
  const upstream = call.providerAccountId ?? '';

  if (rivals.some((one) => one.tenantId !== account.tenantId)) {
    attempt.undo = attempt.undo.filter((id) => id !== upstream);
    return { progress: progressOf(held, 'account_in_use'), told: null, book: null };
  }
  if (isStranger(account, view)) return { progress: progressOf(held, 'another_identity'), told: null, book: null };

  const winner = rivals[0];
  attempt.undo = attempt.undo.filter((id) => id !== upstream);
  if (winner) await mergeInto(em, held, winner, upstream);
  const survivor = winner ?? account;
  survivor.providerAccountId = upstream;
  survivor.identity = view.identity ?? survivor.identity;
  takeSecret(deps, held, survivor);
  looked(account, wanted);
  const wasNew = survivor.detailsAt === null;
  saveDetails(deps, em, survivor, view, details, at);
  moveAccount(em, survivor, { type: 'linked', at }, winner ? undefined : attempt.number);
  await claimEvents(em, deps.vault, survivor, at);

  attempt.state = 'succeeded';
  attempt.endedAt = at;
  attempt.input = null;
  attempt.callbackToken = null;
  await placeLastStep(held, 'done', 'accepted');
  tell(em, account, at, 'attempt_ended', wasNew ? 'The account was connected.' : 'The account was connected again.', {
    attempt: attempt.number,
  });
  deps.metrics.attempts.inc({ operation: attempt.operation, outcome: 'succeeded' });
  await em.flush();
  const run = hasBook ? await openFirstContactsRun(em, survivor, at) : null;
  return {
    progress: progressOf(held),
    told: winner ? refOf(winner) : null,
    book: run && [refOf(survivor), run.scope],
  };
}

const refOf = ({ tenantId, id, channel, provider }: Account): AccountRef => ({
  tenantId,
  accountId: id,
  channel,
  provider,
});

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
async function mergeInto(em: Em, held: Held, winner: Account, upstream: string): Promise<void> {
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
  tell(em, account, at, 'merged', 'This identity was already connected: the account became part of the earlier one.', {
    attempt: attempt.number,
    data: { merged_into: winner.id },
  });
  tell(em, winner, at, 'took_over', 'A newer login of the same identity was taken over.', {
    data: { from: account.id },
  });
  // The index on the identity counts the loser until its row is written.
  await em.flush();
}

/** What the owner logged in with, kept for the next reconnection. */
function takeSecret(deps: Deps, { attempt }: Held, survivor: Account): void {
  if (!attempt.input) return;
  const input = deps.vault.open(attempt.input, sealed.attemptInput(attempt.id));
  survivor.secret = deps.vault.seal(input, sealed.accountSecret(survivor.id));
  survivor.method = attempt.method;
}

import { keepAccountKeys } from '../../../db/queries/accounts/account-keys.ts';
import type { ConnectionStep } from '../../../db/entities/attempts.ts';
import { Account } from '../../../db/entities/accounts.ts';
import { ProviderFailure } from '../../../domain/failures.ts';
import type { AttemptRef, Progress } from '../../../domain/attempts.ts';
import type { LoginProgress, Provider, ProviderCall } from '../../../providers/provider.ts';
import type { Context } from '../../context.ts';
import { completeLogin } from './complete-login.ts';
import { withAttempt, type AttemptTx } from './attempt-tx.ts';
import { endingReason, placeStep, progressOf } from './steps.ts';

interface From {
  provider: Provider;
  call: ProviderCall;
  /** How the step before ended. */
  outcome: ConnectionStep['outcome'];
}

/** Takes over what the provider answered to a login verb: the next step, or a linked account. */
export async function applyLoginProgress(
  context: Context,
  ref: AttemptRef,
  progress: LoginProgress,
  from: From,
): Promise<Progress> {
  const upstream = progress.providerAccountId;
  // Asked beforehand: a transaction that holds locks must not wait for a second connection.
  const taken = upstream ? await isHeldElsewhere(context, ref, upstream) : false;
  const { known, wanted } = await withAttempt(context, ref, async (held) => {
    if (upstream) rememberUpstream(held, upstream, taken);
    // Before its login is done: its events already carry its secret.
    if (upstream === held.account.providerAccountId) keepAccountKeys(held.keys, held.account, progress.keys);
    const wanted = held.account.checkRequestedAt;
    if (held.attempt.state !== 'running' || progress.next.linked) return { known: progressOf(held), wanted };
    await placeStep(held, progress.next, from.outcome);
    return { known: progressOf(held, await endingReason(held)), wanted };
  });
  if (!progress.next.linked || known.state === 'closed') return known;

  const call = { ...from.call, providerAccountId: progress.providerAccountId };
  try {
    const view = await from.provider.login.check(call);
    if (view.status === 'linked') return await completeLogin(context, ref, from.provider, call, view, wanted);
  } catch (error) {
    if (!(error instanceof ProviderFailure)) throw error;
    // The login was taken all the same: thrown on, this would have it asked for a second time.
  }
  // The provider took the login, and is still setting the account up or cannot say: it is looked at again.
  return withAttempt(context, ref, async (held) => {
    await placeStep(held, settingUp, from.outcome);
    return progressOf(held);
  });
}

/** The step between a login that succeeded and an account that works. */
export const settingUp: Extract<LoginProgress['next'], { linked: false }> = {
  linked: false,
  content: { kind: 'wait', for: 'the provider to set the account up' },
  expiresAt: null,
  canResend: false,
  canTryAnotherWay: false,
};

/** Whether another account already has this upstream login; whose it is shows when the login succeeds. */
const isHeldElsewhere = (context: Context, ref: AttemptRef, upstream: string): Promise<boolean> =>
  context.db.system(async (em) => {
    const { credentialsId } = await em.findOneOrFail(Account, { id: ref.accountId });
    const others = { id: { $ne: ref.accountId }, credentialsId, providerAccountId: upstream, mergedInto: null };
    return (await em.count(Account, others)) > 0;
  });

/** Commits an upstream id that this attempt made: events find the account by it, and compensation deletes it. */
function rememberUpstream({ account, attempt }: AttemptTx, upstream: string, taken: boolean): void {
  if (attempt.providerAccountId === upstream) return;
  attempt.providerAccountId = upstream;
  // A login that the account already had, or that another one has, is not this attempt's to delete.
  if (taken || account.providerAccountId === upstream) return;
  attempt.undo = [...new Set([...attempt.undo, upstream])];
  account.providerAccountId ??= upstream;
}

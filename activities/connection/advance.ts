import type { ConnectionStep } from '../../db/entities/attempts.ts';
import { Account } from '../../db/entities/accounts.ts';
import type { AttemptRef, Progress } from '../../domain/progress.ts';
import type { LoginProgress, Provider, ProviderCall } from '../../providers/provider.ts';
import type { Deps } from '../deps.ts';
import { link } from './link.ts';
import { withAttempt, type Held } from './rows.ts';
import { endingReason, placeStep, progressOf } from './steps.ts';

interface From {
  provider: Provider;
  call: ProviderCall;
  /** How the step before ended. */
  outcome: ConnectionStep['outcome'];
}

/** Takes over what the provider answered to a login verb: the next step, or a linked account. */
export async function advance(deps: Deps, ref: AttemptRef, progress: LoginProgress, from: From): Promise<Progress> {
  const known = await withAttempt(deps, ref, async (held) => {
    await rememberUpstream(deps, held, progress.providerAccountId);
    if (held.attempt.state !== 'running' || progress.next.linked) return progressOf(held);
    await placeStep(deps, held, progress.next, from.outcome);
    return progressOf(held, await endingReason(held));
  });
  if (!progress.next.linked || known.state === 'closed') return known;

  const call = { ...from.call, providerAccountId: progress.providerAccountId };
  const view = await from.provider.login.look(call);
  if (view.status === 'linked') return link(deps, ref, from.provider, call, view);
  // The provider took the login but is still setting the account up.
  return withAttempt(deps, ref, async (held) => {
    await placeStep(deps, held, settingUp, from.outcome);
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

/** Commits an upstream id that this attempt made: events find the account by it, and compensation deletes it. */
async function rememberUpstream(deps: Deps, { em, account, attempt }: Held, upstream: string | null): Promise<void> {
  if (!upstream || attempt.providerAccountId === upstream) return;
  attempt.providerAccountId = upstream;
  if (account.providerAccountId === upstream) return;
  const holders = await deps.db.system((system) =>
    system.count(Account, { providerAccountId: upstream, credentialsId: account.credentialsId, mergedInto: null }),
  );
  // A login that another account of ours already has is not this attempt's to delete.
  if (holders) return;
  attempt.undo = [...new Set([...attempt.undo, upstream])];
  if (!account.providerAccountId) account.providerAccountId = upstream;
  await em.flush();
}

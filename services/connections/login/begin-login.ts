import { addTimelineEvent } from '../../../db/queries/accounts/timeline.ts';
import type { AttemptRef, Progress } from '../../../domain/attempts.ts';
import type { LoginInput, Provider, ProviderCall } from '../../../providers/provider.ts';
import type { Context } from '../../context.ts';
import { ensureWebhooks } from '../../webhooks/register-webhooks.ts';
import { applyLoginProgress, startProviderLogin } from './apply-login-progress.ts';
import { connectionTo, loginInput, withAttempt } from './attempt-tx.ts';
import { findUnknownLogins } from './compensate.ts';
import { endingReason, progressOf } from './steps.ts';

/**
 * Asks the provider to begin a login, once. The provider knows no idempotency key, so the intent is committed before
 * it is asked: a retry that finds the intent without an outcome looks for what the first try may have made, and takes
 * it over only when it can be proven ours. Resumes at the current step when there is one.
 */
export async function beginLogin(context: Context, ref: AttemptRef): Promise<Progress> {
  const start = await withAttempt(context, ref, async (held) => {
    const { em, account, attempt, at } = held;
    const ending = await endingReason(held);
    if (attempt.state !== 'running' || ending || attempt.currentStepId) return { resume: progressOf(held, ending) };
    const upstream =
      attempt.providerAccountId ?? (attempt.operation === 'reconnect' ? account.providerAccountId : null);
    const connection = await connectionTo(context, em, account, at, upstream);
    const input = loginInput(context, held);
    // Asking for a page makes nothing yet: it may be asked for twice.
    const asked = upstream || input.page ? null : attempt.intentAt;
    if (!upstream) attempt.intentAt ??= at;
    return { resume: null, ...connection, input, asked, number: attempt.number };
  });
  if (start.resume) return start.resume;
  const { provider, call, input, asked, credentials } = start;

  await ensureWebhooks(context, provider, call, credentials.id);
  if (asked) await adoptUnconfirmedLogin(context, ref, provider, call, input, asked.getTime());
  const progress = await startProviderLogin(context, ref, provider, input, call);
  return applyLoginProgress(context, ref, progress, { provider, call, outcome: null });
}

/**
 * Looks for what an earlier, unanswered `begin` made; writes down what may be ours but cannot be proven. Answers
 * whether something was taken over.
 */
export async function adoptUnconfirmedLogin(
  context: Context,
  ref: AttemptRef,
  provider: Provider,
  call: ProviderCall,
  input: LoginInput,
  askedAt: number,
): Promise<boolean> {
  const found = await findUnknownLogins(context, provider, call, input, askedAt);
  const ours = found.filter((one) => one.proven);
  return withAttempt(context, ref, ({ em, account, attempt, at }) => {
    const sole = ours.length === 1 ? ours[0] : undefined;
    if (sole) {
      attempt.providerAccountId = sole.providerAccountId;
      account.providerAccountId ??= sole.providerAccountId;
      attempt.undo = [...new Set([...attempt.undo, sole.providerAccountId])];
      addTimelineEvent(
        em,
        account,
        at,
        'adopted',
        'A login whose answer was lost was found at the provider and taken over.',
        {
          attempt: attempt.number,
        },
      );
      return true;
    }
    attempt.intentAt = at;
    if (found.length)
      addTimelineEvent(
        em,
        account,
        at,
        'suspected_orphan',
        'The provider has logins that may stem from a lost answer.',
        {
          attempt: attempt.number,
          data: { provider_account_ids: found.map((one) => one.providerAccountId) },
        },
      );
    return false;
  });
}

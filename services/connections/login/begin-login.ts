import { addTimelineEvent } from '../../../db/queries/accounts/timeline.ts';
import type { AttemptRef, Progress } from '../../../domain/attempts.ts';
import type { LoginInput, Provider, ProviderCall } from '../../../providers/provider.ts';
import type { Context } from '../../context.ts';
import { ensureWebhooks } from '../../webhooks/register-webhooks.ts';
import { applyLoginProgress, startProviderLogin } from './apply-login-progress.ts';
import { connectionTo, loginInput, withAttempt } from './attempt-tx.ts';
import { findUnknownLogins } from './compensate.ts';
import { notingRefusal } from './note-refusal.ts';
import { endingReason, progressOf } from './steps.ts';

/**
 * Asks the provider to begin a login, once. Providers take no idempotency key, so the intent is committed before the
 * call: a retry that finds an intent without an outcome searches for the login that the first try may have made, and
 * adopts it only with proof. Resumes at the current step when there is one.
 */
export async function beginLogin(context: Context, ref: AttemptRef): Promise<Progress> {
  const start = await withAttempt(context, ref, async (tx) => {
    const { em, account, attempt, at } = tx;
    const ending = await endingReason(tx);
    if (attempt.state !== 'running' || ending || attempt.currentStepId) return { resume: progressOf(tx, ending) };
    const upstream =
      attempt.providerAccountId ?? (attempt.operation === 'reconnect' ? account.providerAccountId : null);
    const connection = await connectionTo(context, em, account, at, upstream);
    const input = loginInput(context, tx, connection);
    // A login page makes no account before the owner uses it, so it may be requested twice.
    const asked = upstream || input.page || input.oauth ? null : attempt.intentAt;
    if (!upstream && !input.oauth) attempt.intentAt ??= at;
    return { resume: null, ...connection, input, asked, number: attempt.number };
  });
  if (start.resume) return start.resume;
  const { provider, call, input, asked, credentials } = start;

  await ensureWebhooks(context, provider, call, credentials.id);
  if (asked) await adoptUnconfirmedLogin(context, ref, provider, call, input, asked.getTime());
  const progress = await notingRefusal(context, ref, startProviderLogin(context, ref, provider, input, call));
  return applyLoginProgress(context, ref, progress, { provider, call, outcome: null });
}

/**
 * Searches for the login that an earlier `begin` without an answer made. Adopts a sole proven one and answers true; names
 * unproven ones in the timeline.
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
        'A login whose answer was lost was found at the provider and adopted.',
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
        'The provider has logins that may come from a request whose answer was lost.',
        {
          attempt: attempt.number,
          data: { provider_account_ids: found.map((one) => one.providerAccountId) },
        },
      );
    return false;
  });
}

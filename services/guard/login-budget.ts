import type { Em } from '../../db/connect.ts';
import type { Account } from '../../db/entities/accounts.ts';
import { countRestart, loginTimes, restartTimes } from '../../db/queries/accounts/login-times.ts';
import { addTimelineEvent } from '../../db/queries/accounts/timeline.ts';
import { lockAccount } from '../../db/queries/accounts/lock-accounts.ts';
import type { AttemptRef } from '../../domain/attempts.ts';
import { failureRow } from '../../domain/failures.ts';
import { loginLimitsOf, nextLoginAt, restartLimits, usedLogins } from '../../domain/login-limits.ts';
import type { Provider, ProviderCall } from '../../providers/provider.ts';
import { timeOf, type Context } from '../context.ts';
import { Problem } from '../problem.ts';

/** 429 when too many logins of an account began lately, over all callers: services ban accounts for it. */
export async function checkLoginBudget({ clock, metrics }: Context, em: Em, account: Account): Promise<void> {
  const now = clock.now();
  const times = await loginTimes(em, account.id, now);
  const next = nextLoginAt(loginLimitsOf(account.channel, account.loginLimits), times, now);
  if (!next) return;
  metrics.refusedLogins.inc({ kind: 'login' });
  const used = usedLogins(times, now);
  const detail = `Logins of this account that began: ${used.hour} within the hour, ${used.day} within the day. The next one may begin at ${next.toISOString()}.`;
  throw new Problem('attempt_budget_spent', detail, {
    fix: failureRow('attempt_budget_spent').whatToDo,
    retryAfter: (next.getTime() - now.getTime()) / 1_000,
  });
}

/**
 * Restarts an account at its provider without its owner. False where the provider cannot, or where it was restarted too often
 * lately: then it stays as it is, until its owner is asked. Counted before the call: a crash cannot make them more.
 */
export async function restartWithinBudget(
  context: Context,
  ref: AttemptRef,
  { login }: Provider,
  call: ProviderCall,
): Promise<boolean> {
  if (!login.restore) return false;
  const mayRestart = await context.db.tenant(ref.tenantId, async (em) => {
    const account = await lockAccount(em, ref.accountId);
    return account !== null && takeRestart(context, em, account, timeOf(context, ref));
  });
  return mayRestart && login.restore(call);
}

async function takeRestart({ metrics }: Context, em: Em, account: Account, now: Date): Promise<boolean> {
  const times = await restartTimes(em, account.id, now);
  if (nextLoginAt(restartLimits, times, now)) {
    metrics.refusedLogins.inc({ kind: 'restart' });
    return false;
  }
  await countRestart(em, account, now);
  const next = nextLoginAt(restartLimits, [...times, now], now);
  const text = 'The account was restarted as often as it may be. It is restarted again later.';
  if (next) addTimelineEvent(em, account, now, 'restarts_spent', text, { data: { until: next.toISOString() } });
  return true;
}

import type { Em } from '../../db/connect.ts';
import type { Account } from '../../db/entities/accounts.ts';
import { usedBudgets } from '../../db/queries/health/used-budgets.ts';
import { sendingPausedAt } from '../../db/queries/tenants/paused-sending.ts';
import { attemptBudget, attemptBudgetWindowMs } from '../../domain/attempts.ts';
import { sendLimitsOf } from '../messages/send-limits.ts';

/** What an account may do and has done of it. */
export async function budgetsOf(em: Em, account: Account, now: Date) {
  const used = await usedBudgets(em, account.id, now, new Date(now.getTime() - attemptBudgetWindowMs));
  const limits = sendLimitsOf(account, now);
  const stopped = await sendingPausedAt(em, account.tenantId);
  return {
    sends: {
      limits,
      used: { per_minute: used.minute, per_hour: used.hour, per_day: used.day },
      last_at: used.lastAt?.toISOString() ?? null,
    },
    attempts: { most: attemptBudget, window_seconds: attemptBudgetWindowMs / 1_000, used: used.attempts },
    stopped: stopped && 'A dump was restored. The operator resumes with: patchbay sending resume.',
  };
}

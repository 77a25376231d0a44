import { z } from 'zod';
import { connectionWorkflowId } from '../../domain/workflow-ids.ts';
import { survivorOf } from '../../db/queries/accounts/lock-accounts.ts';
import type { AttemptWithStep } from '../../db/queries/attempts/attempt-with-step.ts';
import { methodNames } from '../../domain/channels.ts';
import type { Context } from '../../services/context.ts';
import type { Principal } from '../../services/principal.ts';
import { onlyFor } from '../http/schemas.ts';
import { time, wireTime, wireTimeOrNull } from '../http/pagination.ts';
import type { AccountWithAttempt } from '../../services/connections/connect-account.ts';
import { accountAnswer, accountView } from './account.ts';
import { failureReason } from './failure-reason.ts';
import { stepAnswer, stepView } from './step.ts';

export const attemptAnswer = z
  .object({
    id: z.string(),
    account_id: z.string(),
    number: z.number().int(),
    operation: z.enum(['connect', 'reconnect', 'disconnect']),
    trigger: z.enum(['request', 'automatic']),
    state: z.enum(['running', 'succeeded', 'failed', 'cancelled']),
    method: z.enum(methodNames),
    reason: failureReason.nullable(),
    merged_into: z
      .string()
      .nullable()
      .describe('The account that has the login, where its identity was connected already (reason same_identity).'),
    step: stepAnswer,
    started_at: time,
    deadline_at: time,
    ended_at: time.nullable(),
    workflow_id: onlyFor('operator', z.string().optional().describe('For keys with the scope operator.')),
    history_url: onlyFor('operator', z.string().nullish().describe('For keys with the scope operator.')),
  })
  .meta({ id: 'Attempt' });

export const accountAndAttempt = z.object({ account: accountAnswer, attempt: attemptAnswer });

export async function attemptView(
  { db, vault, publicUrl, temporal, clock }: Context,
  { tenantId, scopes }: Principal,
  { attempt, step }: AttemptWithStep,
): Promise<z.input<typeof attemptAnswer>> {
  const workflowId = connectionWorkflowId(attempt.accountId);
  const operator = scopes.includes('operator')
    ? { workflow_id: workflowId, history_url: temporal.historyUrl(workflowId, attempt.runId) }
    : {};
  return {
    id: attempt.id,
    account_id: attempt.accountId,
    number: attempt.number,
    operation: attempt.operation,
    trigger: attempt.trigger,
    state: attempt.state,
    method: attempt.method,
    reason: attempt.reason,
    merged_into:
      attempt.reason === 'same_identity' ? await db.tenant(tenantId, (em) => survivorOf(em, attempt.accountId)) : null,
    step: stepView({ keys: await vault.keysOf(db, tenantId), publicUrl, now: clock.now() }, attempt, step),
    started_at: wireTime(attempt.startedAt),
    deadline_at: wireTime(attempt.deadlineAt),
    ended_at: wireTimeOrNull(attempt.endedAt),
    ...operator,
  };
}

/** The answer to a request that begins an attempt. */
export const accountAndAttemptView = async (
  context: Context,
  principal: Principal,
  { account, ...attempt }: AccountWithAttempt,
): Promise<z.input<typeof accountAndAttempt>> => ({
  account: accountView(account),
  attempt: await attemptView(context, principal, attempt),
});

import type { AttemptWithStep } from '../../db/queries/attempts/attempt-with-step.ts';
import { survivorOf } from '../../db/queries/accounts/lock-accounts.ts';
import { connectionWorkflowId } from '../../domain/workflow-ids.ts';
import type { Context } from '../context.ts';
import type { Principal } from '../principal.ts';
import { stepJson } from './step-json.ts';

/** An attempt as the API and the command show it. Its run in Temporal is for callers with the scope operator. */
export async function attemptJson(
  { db, vault, publicUrl, temporal, clock }: Context,
  { tenantId, scopes }: Pick<Principal, 'tenantId' | 'scopes'>,
  { attempt, step }: AttemptWithStep,
) {
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
    step: stepJson({ keys: await vault.keysOf(db, tenantId), publicUrl, now: clock.now() }, attempt, step),
    started_at: attempt.startedAt.toISOString(),
    deadline_at: attempt.deadlineAt.toISOString(),
    ended_at: attempt.endedAt?.toISOString() ?? null,
    ...operator,
  };
}

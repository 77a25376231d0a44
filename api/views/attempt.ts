import { z } from 'zod';
import { methodNames } from '../../domain/channels.ts';
import { callsPerMinuteOfAccounts } from '../../db/queries/tenants/credentials.ts';
import type { Context } from '../../services/context.ts';
import type { Principal } from '../../services/principal.ts';
import { onlyFor } from '../http/schemas.ts';
import { time } from '../http/pagination.ts';
import { attemptJson } from '../../services/connections/attempt-json.ts';
import type { AccountWithAttempt } from '../../services/connections/connect-account.ts';
import { accountAnswer, accountView } from './account.ts';
import { failureReason } from './failure-reason.ts';
import { stepAnswer } from './step.ts';

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

export const attemptView: (...of: Parameters<typeof attemptJson>) => Promise<z.input<typeof attemptAnswer>> =
  attemptJson;

/** The answer to a request that begins an attempt. */
export const accountAndAttemptView = async (
  context: Context,
  principal: Principal,
  { account, ...attempt }: AccountWithAttempt,
): Promise<z.input<typeof accountAndAttempt>> => ({
  account: accountView(
    account,
    context.clock.now(),
    await context.db.tenant(principal.tenantId, (em) => callsPerMinuteOfAccounts(em, [account])),
  ),
  attempt: await attemptView(context, principal, attempt),
});

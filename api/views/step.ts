import { z } from 'zod';
import { whoNames } from '../../domain/accounts.ts';
import { instructions, stepKinds, type StepContent } from '../../domain/steps.ts';
import type { ConnectionAttempt, ConnectionStep } from '../../db/entities/attempts.ts';
import { contentOf } from '../../services/connections/login/steps.ts';
import type { Keyset } from '../../platform/keyset.ts';
import { time, wireTimeOrNull } from '../http/pagination.ts';

export const stepAnswer = z
  .object({
    id: z.string(),
    kind: z.enum(stepKinds),
    instructions: z.string(),
    expires_at: time.nullable(),
    attempts_left: z.number().int(),
    can_resend: z.boolean(),
    can_try_another_way: z.boolean(),
    url: z.string().optional().describe('redirect'),
    text: z.string().optional().describe('qr: what the code says'),
    image_url: z.string().optional().describe('qr: the code as a picture, for the same key'),
    source: z.enum(['sms', 'app', 'mail', 'unknown']).optional().describe('code'),
    length: z.number().int().optional().describe('code'),
    public_key: z.string().optional().describe('captcha'),
    data: z.string().optional().describe('captcha'),
    options: z
      .array(z.object({ id: z.string(), label: z.string() }))
      .optional()
      .describe('choose'),
    for: z.string().optional().describe('wait'),
    reason: z.string().nullish().describe('failed'),
    who: z.enum(whoNames).nullish().describe('failed'),
    what_to_do: z.string().nullish().describe('failed'),
  })
  .meta({ id: 'Step' });

export type StepAnswer = z.input<typeof stepAnswer>;

/** Shown before the first step and between two steps, with the attempt's id: the next step has another one. */
const waiting = (attempt: ConnectionAttempt): StepAnswer => ({
  id: attempt.id,
  ...common(null, attempt),
  kind: 'wait',
  instructions: instructions({ kind: 'wait', for: 'the next step' }, false),
  for: 'the next step',
});

/** The current step of an attempt, the same shape for every provider. */
export function stepView(
  keys: Keyset,
  publicUrl: string,
  attempt: ConnectionAttempt,
  step: ConnectionStep | null,
): StepAnswer {
  // A failed step whose attempt still runs has no reason yet: compensation is running.
  if (!step || (step.kind === 'failed' && attempt.state === 'running')) return waiting(attempt);
  const head = { id: step.id, ...common(step, attempt) };
  if (step.kind === 'done') return { ...head, kind: 'done', instructions: 'Done: there is nothing left to do.' };
  if (step.kind === 'failed') {
    const { reason, who, detail } = attempt;
    return { ...head, kind: 'failed', instructions: detail ?? 'Start again.', reason, who, what_to_do: detail };
  }
  const content = contentOf(keys, step);
  if (!content) return waiting(attempt);
  return {
    ...head,
    instructions: instructions(content, step.again),
    ...carried(content, `${publicUrl}/api/v1/accounts/${step.accountId}/attempt/steps/${step.id}/qr.svg`),
  };
}

const common = (step: ConnectionStep | null, attempt: ConnectionAttempt) => ({
  expires_at: wireTimeOrNull(step ? step.expiresAt : attempt.deadlineAt),
  attempts_left: step?.answersLeft ?? attempt.answersLeft,
  can_resend: step?.canResend ?? false,
  can_try_another_way: step?.canTryAnotherWay ?? false,
});

/** The fields of a step of each kind. */
function carried(content: StepContent, imageUrl: string): Partial<StepAnswer> & Pick<StepAnswer, 'kind'> {
  switch (content.kind) {
    case 'qr':
      return { ...content, image_url: imageUrl };
    case 'captcha':
      return { kind: 'captcha', public_key: content.publicKey, data: content.data };
    default:
      return content;
  }
}

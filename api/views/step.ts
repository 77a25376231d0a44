import { z } from 'zod';
import { whoNames } from '../../domain/accounts.ts';
import { instructions, type StepContent, type StepKind } from '../../domain/steps.ts';
import type { ConnectionAttempt, ConnectionStep } from '../../db/entities/attempts.ts';
import { contentOf } from '../../services/connections/login/steps.ts';
import { signedQuery } from '../../services/connections/qr-image.ts';
import type { Keyset } from '../../platform/keyset.ts';
import { time, wireTimeOrNull } from '../http/pagination.ts';
import { failureReason } from './failure-reason.ts';

/** A step of one kind, with what it carries. */
const stepOf = <const K extends StepKind, S extends z.ZodRawShape>(kind: K, carried: S) =>
  z
    .object({
      id: z.string().describe('Another one as soon as the step is another one: what a long poll notices.'),
      kind: z.literal(kind),
      instructions: z.string().describe('One sentence for the owner.'),
      expires_at: time.nullable(),
      attempts_left: z.number().int(),
      can_resend: z.boolean(),
      can_try_another_way: z.boolean(),
      ...carried,
    })
    .meta({ id: `Step${kind.charAt(0).toUpperCase()}${kind.slice(1)}` });

export const stepAnswer = z
  .discriminatedUnion('kind', [
    stepOf('redirect', { url: z.string().describe('Where the owner logs in.') }),
    stepOf('qr', {
      text: z.string().describe('What the code says.'),
      image_url: z
        .string()
        .describe('The code as a picture; the address needs no API key, and is good for some minutes.'),
    }),
    stepOf('code', { source: z.enum(['sms', 'app', 'mail', 'unknown']), length: z.number().int().optional() }),
    stepOf('phone', {}),
    stepOf('approve', {}),
    stepOf('captcha', { public_key: z.string().optional(), data: z.string().optional() }),
    stepOf('choose', { options: z.array(z.object({ id: z.string(), label: z.string() })) }),
    stepOf('wait', { for: z.string() }),
    stepOf('done', {}),
    stepOf('failed', {
      reason: failureReason.nullish(),
      who: z.enum(whoNames).nullish().describe('Who must act.'),
      what_to_do: z.string().nullish(),
    }),
  ])
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
  { keys, publicUrl, now }: { keys: Keyset; publicUrl: string; now: Date },
  attempt: ConnectionAttempt,
  step: ConnectionStep | null,
): StepAnswer {
  // A failed step whose attempt still runs has no reason yet: compensation is running.
  if (!step || (step.kind === 'failed' && attempt.state === 'running')) return waiting(attempt);
  const head = { id: step.id, ...common(step, attempt) };
  if (step.kind === 'done')
    return { ...head, kind: 'done', instructions: attempt.detail ?? 'Done: there is nothing left to do.' };
  if (step.kind === 'failed') {
    const { reason, who, detail } = attempt;
    return { ...head, kind: 'failed', instructions: detail ?? 'Start again.', reason, who, what_to_do: detail };
  }
  const content = contentOf(keys, step);
  if (!content) return waiting(attempt);
  const picture = `${publicUrl}/api/v1/accounts/${step.accountId}/attempt/steps/${step.id}/qr.svg`;
  return {
    ...head,
    instructions: instructions(content, step.again),
    ...carried(content, `${picture}?${signedQuery(keys, step.id, now)}`),
  };
}

const common = (step: ConnectionStep | null, attempt: ConnectionAttempt) => ({
  expires_at: wireTimeOrNull(step ? step.expiresAt : attempt.deadlineAt),
  attempts_left: step?.answersLeft ?? attempt.answersLeft,
  can_resend: step?.canResend ?? false,
  can_try_another_way: step?.canTryAnotherWay ?? false,
});

/** The fields of a step of each kind. */
function carried(content: StepContent, imageUrl: string) {
  switch (content.kind) {
    case 'qr':
      return { ...content, image_url: imageUrl };
    case 'captcha':
      return { kind: content.kind, public_key: content.publicKey, data: content.data };
    default:
      return content;
  }
}

import type { ConnectionAttempt, ConnectionStep } from '../../db/entities/attempts.ts';
import { instructions, type StepContent } from '../../domain/steps.ts';
import type { Keyset } from '../../platform/keyset.ts';
import { contentOf } from './login/steps.ts';
import { signedQuery } from './qr-image.ts';

/** What showing a step needs besides its rows. */
export interface StepViewer {
  keys: Keyset;
  publicUrl: string;
  now: Date;
}

/** Shown before the first step and between two steps, with the attempt's id: the next step has another one. */
const waiting = (attempt: ConnectionAttempt) => ({
  id: attempt.id,
  ...common(null, attempt),
  kind: 'wait' as const,
  instructions: instructions({ kind: 'wait', for: 'the next step' }, false),
  for: 'the next step',
});

/** The current step of an attempt as the API and the command show it, the same shape for every provider. */
export function stepJson(
  { keys, publicUrl, now }: StepViewer,
  attempt: ConnectionAttempt,
  step: ConnectionStep | null,
) {
  if (!step) return waiting(attempt);
  const head = { id: step.id, ...common(step, attempt) };
  if (step.kind === 'done')
    return {
      ...head,
      kind: 'done' as const,
      instructions: attempt.detail ?? 'Done: there is nothing left to do.',
    };
  if (step.kind === 'failed') {
    const { reason, who, detail } = attempt;
    return {
      ...head,
      kind: 'failed' as const,
      instructions: detail ?? 'Start again.',
      reason,
      who,
      what_to_do: detail,
    };
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

export type StepJson = ReturnType<typeof stepJson>;

const common = (step: ConnectionStep | null, attempt: ConnectionAttempt) => ({
  expires_at: (step ? step.expiresAt : attempt.deadlineAt)?.toISOString() ?? null,
  attempts_left: step?.answersLeft ?? attempt.answersLeft,
  can_resend: step?.canResend ?? false,
  can_try_another_way: step?.canTryAnotherWay ?? false,
});

/** The fields of a step of each kind. */
function carried(content: StepContent, imageUrl: string) {
  switch (content.kind) {
    // The provider's page is for browsers that came by the address alone.
    case 'redirect':
      return { kind: content.kind, url: content.url };
    case 'qr':
      return { ...content, image_url: imageUrl };
    case 'captcha':
      return { kind: content.kind, public_key: content.publicKey, data: content.data };
    default:
      return content;
  }
}

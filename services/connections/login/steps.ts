import { addTimelineEvent } from '../../../db/queries/accounts/timeline.ts';
import { ConnectionAttempt, ConnectionStep } from '../../../db/entities/attempts.ts';
import { sealed } from '../../../db/sealed.ts';
import { pollAfterMs } from '../../../domain/budgets.ts';
import type { FailureCode } from '../../../domain/failures.ts';
import type { Progress } from '../../../domain/attempts.ts';
import { answerable, polled, story, type StepContent, type StepKind } from '../../../domain/steps.ts';
import { newId } from '../../../platform/ids.ts';
import type { Keyset } from '../../../platform/keyset.ts';
import type { LoginProgress } from '../../../providers/provider.ts';
import type { AttemptTx } from './attempt-tx.ts';

type Waiting = Extract<LoginProgress['next'], { linked: false }>;

/** Makes `next` the attempt's current step; the one before it ends as `outcome`. */
export async function placeStep(
  held: AttemptTx,
  next: Waiting,
  outcome: ConnectionStep['outcome'],
  again = false,
): Promise<void> {
  const { attempt, at, step } = held;
  // Checkpoints of one login share the time that the provider gives to the whole of it; a QR code has its own.
  const shared =
    step && next.content.kind !== 'wait' && answerable.has(step.kind) ? step.expiresAt?.getTime() : undefined;
  endStep(held, outcome);
  const id = newId();
  await addStep(held, {
    id,
    kind: next.content.kind,
    content: held.keys.seal(JSON.stringify(next.content), sealed.stepContent(id)),
    again,
    canResend: next.canResend,
    canTryAnotherWay: next.canTryAnotherWay,
    // No step outlives its attempt.
    expiresAt: new Date(Math.min(next.expiresAt ?? Infinity, shared ?? Infinity, attempt.deadlineAt.getTime())),
    createdAt: at,
  });
  addTimelineEvent(held.em, held.account, at, 'step', story(next.content, outcome === 'replaced'), {
    attempt: attempt.number,
    data: { kind: next.content.kind },
  });
}

/** The last step of an attempt, so that a client which only reads steps sees the end. */
export async function placeLastStep(
  held: AttemptTx,
  kind: 'done' | 'failed',
  outcome: ConnectionStep['outcome'],
): Promise<void> {
  endStep(held, outcome);
  await addStep(held, {
    id: newId(),
    kind,
    content: null,
    again: false,
    canResend: false,
    canTryAnotherWay: false,
    expiresAt: null,
    createdAt: held.at,
  });
}

/** Ends the current step: what it asked and what was answered are no longer kept. */
export function endStep({ step, at }: AttemptTx, outcome: ConnectionStep['outcome']): void {
  if (!step || step.endedAt) return;
  step.outcome = outcome;
  step.endedAt = at;
  step.answer = null;
  step.content = null;
}

type NewStep = Pick<
  ConnectionStep,
  'id' | 'kind' | 'content' | 'again' | 'canResend' | 'canTryAnotherWay' | 'expiresAt' | 'createdAt'
>;

async function addStep(held: AttemptTx, step: NewStep): Promise<void> {
  const { em, attempt, account } = held;
  const count = await em.count(ConnectionStep, { attemptId: attempt.id });
  const row = em.create(ConnectionStep, {
    ...step,
    tenantId: account.tenantId,
    accountId: account.id,
    attemptId: attempt.id,
    number: count + 1,
    answersLeft: attempt.answersLeft,
    answer: null,
    answerId: null,
    answeredAt: null,
    sentAt: null,
    outcome: null,
    endedAt: null,
  });
  em.persist(row);
  attempt.currentStepId = row.id;
  held.step = row;
}

/** The content of a step that still waits. */
export function contentOf(keys: Keyset, step: ConnectionStep): StepContent {
  if (!step.content) throw new Error('The step has no content: it has ended.');
  return JSON.parse(keys.open(step.content, sealed.stepContent(step.id))) as StepContent;
}

/** Where the attempt stands, for its workflow. `ending` carries the reason for which it must be closed. */
export function progressOf(held: AttemptTx, ending: FailureCode | null = null): Progress {
  const { attempt, account, step, at } = held;
  const open = attempt.state === 'running';
  const wakeAt = open && step && !step.endedAt ? wakeOf(held, step) : null;
  return {
    attempt: attempt.number,
    state: !open ? 'closed' : ending ? 'ending' : 'open',
    stepId: step?.id ?? null,
    kind: (step?.kind ?? null) as StepKind | null,
    wakeAt,
    wakeInMs: wakeAt === null ? null : Math.max(wakeAt - at.getTime(), 0),
    reason: ending,
    accountState: account.state,
  };
}

/**
 * The moment at which a step must be looked at: its expiry, the next poll, and never past the deadline. At once where
 * a look is wanted: the word may have come to a run that was lost.
 */
function wakeOf({ account, attempt, at }: AttemptTx, step: ConnectionStep): number {
  if (account.checkRequestedAt) return at.getTime();
  const end = Math.min(step.expiresAt?.getTime() ?? Infinity, attempt.deadlineAt.getTime());
  return polled.has(step.kind) ? Math.min(end, at.getTime() + pollAfterMs(attempt.checks)) : end;
}

/** Whether a newer wish exists, which replaces this attempt. */
async function isSuperseded({ em, attempt, account }: AttemptTx): Promise<boolean> {
  const newer = await em.count(ConnectionAttempt, { accountId: account.id, number: { $gt: attempt.number } });
  return newer > 0;
}

/** Why an open attempt must end now, or null. */
export async function endingReason(held: AttemptTx): Promise<FailureCode | null> {
  if (await isSuperseded(held)) return 'superseded';
  if (held.attempt.cancelRequestedAt) return 'cancelled';
  return held.at >= held.attempt.deadlineAt ? 'deadline_passed' : null;
}

import { addTimelineEvent } from '../../../db/queries/accounts/timeline.ts';
import { ConnectionAttempt, ConnectionStep } from '../../../db/entities/attempts.ts';
import { sealed } from '../../../db/sealed.ts';
import { pollAfterMs, type Progress } from '../../../domain/attempts.ts';
import { asFailureCode, type FailureCode } from '../../../domain/failures.ts';
import {
  answerable,
  polled,
  stepText,
  type StepContent,
  type StepKind,
  type StepOutcome,
} from '../../../domain/steps.ts';
import { newId } from '../../../platform/ids.ts';
import type { Keyset } from '../../../platform/keyset.ts';
import type { LoginProgress } from '../../../providers/provider.ts';
import type { AttemptTx } from './attempt-tx.ts';

type Waiting = Extract<LoginProgress['next'], { linked: false }>;

/** The step between a login that succeeded and an account that works. */
export const settingUp: Waiting = {
  linked: false,
  content: { kind: 'wait', for: 'the provider to set the account up' },
  expiresAt: null,
  canResend: false,
  canTryAnotherWay: false,
};

/** Makes `next` the attempt's current step; the one before it ends as `outcome`. */
export async function placeStep(
  tx: AttemptTx,
  next: Waiting,
  outcome: StepOutcome | null,
  again = false,
): Promise<void> {
  const { attempt, at, step } = tx;
  // The provider limits the time of all checkpoints of a login together; a QR code has a time of its own.
  const shared =
    step && next.content.kind !== 'wait' && answerable.has(step.kind) ? step.expiresAt?.getTime() : undefined;
  endStep(tx, outcome);
  const id = newId();
  await addStep(tx, {
    id,
    kind: next.content.kind,
    content: tx.keys.seal(JSON.stringify(next.content), sealed.stepContent(id)),
    again,
    canResend: next.canResend,
    canTryAnotherWay: next.canTryAnotherWay,
    // No step outlives its attempt.
    expiresAt: new Date(Math.min(next.expiresAt ?? Infinity, shared ?? Infinity, attempt.deadlineAt.getTime())),
    createdAt: at,
  });
  addTimelineEvent(tx.em, tx.account, at, 'step', stepText(next.content, outcome === 'replaced'), {
    attempt: attempt.number,
    data: { kind: next.content.kind },
  });
}

/** Places the last step of an attempt, so that a client that reads steps only sees the end. */
export async function placeLastStep(
  tx: AttemptTx,
  kind: 'done' | 'failed',
  outcome: StepOutcome | null,
): Promise<void> {
  endStep(tx, outcome);
  await addStep(tx, {
    id: newId(),
    kind,
    content: null,
    again: false,
    canResend: false,
    canTryAnotherWay: false,
    expiresAt: null,
    createdAt: tx.at,
  });
}

/** Ends the current step; its content and answer are dropped. */
export function endStep(tx: AttemptTx, outcome: StepOutcome | null): void {
  const { step, at } = tx;
  if (!step || step.endedAt) return;
  tx.endedStep = { kind: step.kind as StepKind, outcome };
  step.outcome = outcome;
  step.endedAt = at;
  step.answer = null;
  step.content = null;
}

type NewStep = Pick<
  ConnectionStep,
  'id' | 'kind' | 'content' | 'again' | 'canResend' | 'canTryAnotherWay' | 'expiresAt' | 'createdAt'
>;

async function addStep(tx: AttemptTx, step: NewStep): Promise<void> {
  const { em, attempt, account } = tx;
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
    moveId: null,
    outcome: null,
    endedAt: null,
  });
  em.persist(row);
  attempt.currentStepId = row.id;
  tx.step = row;
}

/** The content of a step; null once it has ended, and for the last step of an attempt. */
export const contentOf = (keys: Keyset, step: ConnectionStep): StepContent | null =>
  step.content === null ? null : (JSON.parse(keys.open(step.content, sealed.stepContent(step.id))) as StepContent);

/**
 * The progress of the attempt, for its workflow. `ending` is the reason for which an open one must be closed. Notes on the attempt when
 * its run moves it next: one that is late was lost.
 */
export function progressOf(tx: AttemptTx, ending: FailureCode | null = null): Progress {
  const { attempt, account, step, at } = tx;
  const open = attempt.state === 'running';
  const wakeAt = open && step && !step.endedAt ? wakeOf(tx, step) : null;
  attempt.wakeAt = !open || (!ending && wakeAt === null) ? null : new Date(ending ? at : (wakeAt ?? at));
  return {
    attempt: attempt.number,
    state: !open ? 'closed' : ending ? 'ending' : 'open',
    stepId: step?.id ?? null,
    kind: (step?.kind ?? null) as StepKind | null,
    wakeAt,
    wakeInMs: wakeAt === null ? null : Math.max(wakeAt - at.getTime(), 0),
    reason: open ? ending : attempt.reason === null ? null : asFailureCode(attempt.reason),
    outcome: attempt.state === 'running' ? null : attempt.state,
    endedStep: tx.endedStep,
    accountState: account.state,
  };
}

/**
 * The moment at which a step must be checked, in epoch milliseconds: its expiry or the next poll, at the latest the
 * attempt's deadline. At once when a check was requested: the signal may have reached a run that was lost.
 */
function wakeOf({ account, attempt, at }: AttemptTx, step: ConnectionStep): number {
  if (account.checkRequestedAt || account.reportedSince) return at.getTime();
  const end = Math.min(step.expiresAt?.getTime() ?? Infinity, attempt.deadlineAt.getTime());
  return polled.has(step.kind) ? Math.min(end, at.getTime() + pollAfterMs(attempt.checks)) : end;
}

/** Whether a newer attempt exists, which replaces this one. */
export async function isSuperseded({ em, attempt, account }: AttemptTx): Promise<boolean> {
  const newer = await em.count(ConnectionAttempt, { accountId: account.id, number: { $gt: attempt.number } });
  return newer > 0;
}

/** Why an open attempt must end now, or null. */
export async function endingReason(tx: AttemptTx): Promise<FailureCode | null> {
  if (await isSuperseded(tx)) return 'superseded';
  if (tx.attempt.cancelRequestedAt) return 'cancelled';
  return tx.at >= tx.attempt.deadlineAt ? 'deadline_passed' : null;
}

import { defineQuery, defineSignal, defineUpdate } from '@temporalio/workflow';

/** Start arguments; everything else is in PostgreSQL. */
export interface ConnectionInput {
  tenantId: string;
  accountId: string;
}

/** An attempt's current step, by id; its content is read from PostgreSQL. */
export interface StepRef {
  attempt: number;
  stepId: string | null;
  state: 'open' | 'ending' | 'closed';
}

/** What the owner did at a step. `answerId` refers to the sealed answer; it doubles as the update's id. */
export interface StepAction {
  stepId: string;
  action: 'answer' | 'resend' | 'another_way';
  answerId: string;
}

/** Something changed: check PostgreSQL and the provider. Carries nothing, so repeats are harmless. */
export const refresh = defineSignal('refresh');

/** Resolves with the step of attempt `attempt` as soon as it has one. Also makes the run read whether a newer operation is requested. */
export const currentStep = defineUpdate<StepRef, [attempt: number]>('currentStep');

/** Acts on a step and resolves with what came of it. Refused when the step is no longer current or is being answered. */
export const submitStep = defineUpdate<StepRef, [StepAction]>('submitStep');

/** The run's attempt and step, for operators. */
export const status = defineQuery<StepRef>('status');

/** Types of `ApplicationFailure` with which `submitStep` refuses. */
export const refusals = { stale: 'stale_step', busy: 'answer_in_flight' } as const;

/** A contacts sync by its account and scope: empty for everybody. */
export interface SyncContactsInput {
  tenantId: string;
  accountId: string;
  scope: string;
  /** How soon a dead worker is noticed; each of a run's heartbeats that reach the server is billed. */
  heartbeatSeconds: number;
}

/** The person to erase is in PostgreSQL. */
export interface ErasePersonInput {
  tenantId: string;
  erasureId: string;
}

export interface SyncDetailsInput {
  tenantId: string;
  accountId: string;
}

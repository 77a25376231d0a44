import { defineQuery, defineSignal, defineUpdate } from '@temporalio/workflow';

export interface ConnectionInput {
  tenantId: string;
  accountId: string;
}

export interface StepRef {
  attempt: number;
  stepId: string | null;
  state: 'open' | 'ending' | 'closed';
}

/** `answerId` refers to the sealed answer and is the update's id. */
export interface StepAction {
  stepId: string;
  action: 'answer' | 'resend' | 'another_way';
  answerId: string;
}

/** Check PostgreSQL and the provider. Carries nothing, so repeats are harmless. */
export const refresh = defineSignal('refresh');

/** Resolves when the attempt has a step. Makes the run read the requested operation. */
export const currentStep = defineUpdate<StepRef, [attempt: number]>('currentStep');

/** Resolves with the outcome. Rejected when the step is no longer current or is being answered. */
export const submitStep = defineUpdate<StepRef, [StepAction]>('submitStep');

export const status = defineQuery<StepRef>('status');

/** Types of the `ApplicationFailure` of a rejected `submitStep`. */
export const refusals = { stale: 'stale_step', busy: 'answer_in_flight' } as const;

/** An empty scope is the whole address book. */
export interface SyncContactsInput {
  tenantId: string;
  accountId: string;
  scope: string;
  /** How soon a dead worker is noticed; each heartbeat that reaches the server is billed. */
  heartbeatSeconds: number;
}

export interface ErasePersonInput {
  tenantId: string;
  erasureId: string;
}

export interface SyncDetailsInput {
  tenantId: string;
  accountId: string;
}

/** The opened syncs of a tenant are in PostgreSQL. */
export interface StartSyncsInput {
  tenantId: string;
  kind: 'details' | 'contacts';
}

import { defineQuery, defineSignal, defineUpdate } from '@temporalio/workflow';
import type { SyncKind } from '../domain/syncs.ts';

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

/**
 * What caused a start or a signal: a request or command, a webhook or its replay, the provider's login page, a login that
 * succeeded, another login of the same identity, a bulk operation, the reconciler, `patchbay rebuild`, or an operator's hand.
 */
export type Cause =
  | 'api'
  | 'webhook'
  | 'replay'
  | 'login_page'
  | 'login'
  | 'merge'
  | 'bulk'
  | 'reconciler'
  | 'rebuild'
  | 'operator';

/** Check PostgreSQL and the provider. The cause is only shown, so repeats are harmless; without one it is `operator`. */
export const refresh = defineSignal<[cause: Cause]>('refresh');

/** Resolves when the attempt has a step. Makes the run read the requested operation. */
export const currentStep = defineUpdate<StepRef, [attempt: number]>('currentStep');

/** Resolves with the outcome. Rejected when the step is no longer current or is being answered. */
export const submitStep = defineUpdate<StepRef, [StepAction]>('submitStep');

export const status = defineQuery<StepRef>('status');

/** Types of the `ApplicationFailure` of a rejected `submitStep`. */
export const refusals = { stale: 'stale_step', busy: 'answer_in_flight' } as const;

/** An empty scope is the whole address book, or all conversations. */
export interface SyncScopeInput {
  tenantId: string;
  accountId: string;
  scope: string;
  /** How soon a dead worker is noticed; each heartbeat that reaches the server is billed. */
  heartbeatSeconds: number;
}

/** The queue of the account is in PostgreSQL. */
export interface SendMessagesInput {
  tenantId: string;
  accountId: string;
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
  kind: SyncKind;
}

/** What a bulk operation does and to which accounts is in PostgreSQL. */
export interface BulkInput {
  tenantId: string;
  operationId: string;
}

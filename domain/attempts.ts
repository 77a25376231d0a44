import type { FailureCode } from './failures.ts';
import type { StepKind } from './steps.ts';

/** Ids that lead every activity of a connection to its rows. */
export interface AttemptRef {
  tenantId: string;
  accountId: string;
  attempt: number;
  /** The workflow's time, in milliseconds: an activity's clock is never behind it. */
  now: number;
}

/** What the workflow should do next for an account, read from PostgreSQL. */
export type NextOperation =
  | { kind: 'connect' | 'reconnect' | 'disconnect'; attempt: number; expiresInMs: number }
  /** An open attempt that a newer request replaces. */
  | { kind: 'superseded'; attempt: number }
  | { kind: 'none'; attempt: number; owes: 'nothing' | 'check' | 'compensation' };

/**
 * The progress of an attempt. `open`: waits for its owner or the provider · `ending`: must be closed for `reason` ·
 * `closed`: has its outcome. At `wakeAt` (milliseconds, the activity's clock) it must be checked even without a signal;
 * `wakeInMs` is the time until then. An unchanged `wakeAt` keeps its timer.
 */
export interface Progress {
  attempt: number;
  state: 'open' | 'ending' | 'closed';
  stepId: string | null;
  kind: StepKind | null;
  wakeAt: number | null;
  wakeInMs: number | null;
  reason: FailureCode | null;
  /** The account's state after this, for the search attributes. */
  accountState: string;
}

const minute = 60_000;

/** How long a connection attempt may take by its method, in milliseconds; every attempt ends by then. */
export const attemptLifetimeMs = {
  qr: 10 * minute,
  credentials: 15 * minute,
  hosted: 60 * minute,
  oauth: 60 * minute,
  token: 5 * minute,
} as const;

/** How long a disconnection is retried at the provider before it is closed, in milliseconds; compensation does the rest. */
export const disconnectLifetimeMs = 15 * minute;

/** Wrong codes that one attempt may send before it fails; providers ban accounts for more. */
export const wrongAnswersAllowed = 5;

/** Attempts that may begin on one account within `attemptBudgetWindowMs`, over all callers: guards against bans. */
export const attemptBudget = 30;
export const attemptBudgetWindowMs = 60 * minute;

/** How long an API call waits for a step or an outcome before it answers 202, in milliseconds. */
export const patienceMs = 8_000;

/** The age at which a check sends an answer that its run did not take, in milliseconds. */
export const unsentAfterMs = 2 * patienceMs;

/** Pause before the n-th check (from 0) of a step that ends outside Patchbay, in milliseconds. */
export const pollAfterMs = (checks: number): number => Math.min(5_000 * 2 ** Math.min(checks, 4), minute);

/** The most by which the clocks of two services differ, in milliseconds. */
export const clockSkewMs = minute;

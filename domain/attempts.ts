import type { FailureCode } from './failures.ts';
import type { StepKind, StepOutcome } from './steps.ts';

export interface AttemptRef {
  tenantId: string;
  accountId: string;
  attempt: number;
  /** The workflow's time, in milliseconds: an activity's clock is never behind it. */
  now: number;
}

export type NextOperation =
  | { kind: 'connect' | 'reconnect' | 'disconnect'; attempt: number; expiresInMs: number }
  | { kind: 'superseded'; attempt: number }
  /** The account is not in the database: a backup from before its creation was restored. */
  | { kind: 'removed'; attempt: 0 }
  | { kind: 'none'; attempt: number; owes: 'nothing' | 'check' | 'compensation' };

/** `ending`: must be closed for `reason`. At `wakeAt` (milliseconds) the attempt is checked even without a signal. */
export interface Progress {
  attempt: number;
  state: 'open' | 'ending' | 'closed';
  stepId: string | null;
  kind: StepKind | null;
  wakeAt: number | null;
  wakeInMs: number | null;
  /** Why an open attempt must be closed, or why a closed one ended without success. */
  reason: FailureCode | null;
  /** How the attempt ended; null while it is open. */
  outcome: 'succeeded' | 'failed' | 'cancelled' | null;
  /** The step that ended in the last transaction of the activity, and how; null where none did. */
  endedStep: { kind: StepKind; outcome: StepOutcome | null } | null;
  /** What came of a code requested again or of another way, as the timeline names it. */
  note?: string;
  accountState: string;
}

const minute = 60_000;

export const attemptLifetimeMs = {
  qr: 10 * minute,
  credentials: 15 * minute,
  hosted: 60 * minute,
  oauth: 60 * minute,
  token: 5 * minute,
} as const;

/** How long a disconnection is retried before it is closed and left to compensation. */
export const disconnectLifetimeMs = 15 * minute;

/** Wrong codes per attempt; providers ban accounts for more. */
export const wrongAnswersAllowed = 5;

/** How long an API call waits for a step or an outcome before it answers 202. */
export const patienceMs = 8_000;

/** The age at which a check sends an answer that its run did not take. */
export const unsentAfterMs = 2 * patienceMs;

/** Pause before the n-th check (from 0) of a step that ends outside Patchbay. */
export const pollAfterMs = (checks: number): number => Math.min(5_000 * 2 ** Math.min(checks, 4), minute);

/** The largest expected difference between the clocks of two services. */
export const clockSkewMs = minute;

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
  /** An older attempt that a newer wish replaced. */
  | { kind: 'superseded'; attempt: number }
  | { kind: 'none'; attempt: number; owes: 'nothing' | 'check' | 'compensation' };

/**
 * Where an attempt stands. `open`: waits for its owner or the provider · `ending`: must be closed for `reason` ·
 * `closed`: has its outcome. `wakeInMs` from now is when it must be looked at though nobody speaks; `wakeAt` names
 * that moment on the activity's clock, so that an unchanged moment keeps its timer.
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

import type { FailureCode } from './failures.ts';

export const syncKinds = ['details', 'contacts', 'conversations'] as const;
export type SyncKind = (typeof syncKinds)[number];

export const syncStates = ['running', 'succeeded', 'failed', 'cancelled'] as const;
export type SyncState = (typeof syncStates)[number];

/** What an activity of a sync did. */
export interface SyncProgress {
  /** Another activity must continue. */
  more: boolean;
  /** Of the run; `none`: there is none that is running; `taken`: another worker has it. */
  state: SyncState | 'none' | 'taken';
  reason: FailureCode | null;
  /** What the run has counted so far, as the API shows it. */
  counts: Record<string, number>;
}

/** What an activity of a sweep did. */
export interface SweepProgress extends SweepCounts {
  /** More accounts may be due. */
  more: boolean;
}

/** What a sweep did so far. */
export interface SweepCounts {
  accounts: number;
  /** Those of them that failed; they are tried again. */
  failed: number;
}

export const sumOf = (one: SweepCounts, other: SweepCounts): SweepCounts => ({
  accounts: one.accounts + other.accounts,
  failed: one.failed + other.failed,
});

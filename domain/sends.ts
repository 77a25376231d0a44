import type { FailureCode } from './failures.ts';

/**
 * `queued`: not handed over yet · `sending`: the provider is being asked, or the answer was lost and it is looked for ·
 * `unclear`: nothing proves whether it was sent; a person decides · `sent`, `failed`, `cancelled`: ended.
 */
export const sendStates = ['queued', 'sending', 'unclear', 'sent', 'failed', 'cancelled'] as const;
export type SendState = (typeof sendStates)[number];

/** What one activity did for the queue of an account. */
export interface SendProgress {
  sent: number;
  failed: number;
  /** Something can be sent at once. */
  more: boolean;
  /** Milliseconds until something can be sent; null where nothing is known to wait for. */
  waitMs: number | null;
}

/**
 * What holds the messages of an account: its limits or those of its credentials, a pause that the provider asked for, the
 * account itself, quiet hours, a stop of its tenant, or a restore.
 */
export const holdReasons = ['budget', 'rate_limited', 'account', 'quiet_hours', 'stopped', 'paused'] as const;
export type HoldReason = (typeof holdReasons)[number];

const second = 1_000;
const minute = 60 * second;
const hour = 60 * minute;

/** For how long a message that cannot be handed over is tried. */
export const triedForMs = 24 * hour;

/** How far ahead a message may be scheduled. */
export const scheduledForMs = 366 * 24 * hour;

/** Rest before the next try, after so many. */
export const tryAgainMs = (tries: number): number => Math.min(2 * second * 2 ** Math.max(tries - 1, 0), 10 * minute);

/** The rest where the provider asks for a pause and does not say how long. */
export const pauseMs = 30 * second;

/** How often a message may be handed over, when each earlier time it was proven that it did not arrive. */
export const mostTries = 5;

/** The longest that a call to a provider may take, where nothing tells when it ended. */
export const longestCallMs = minute;

/** How long after its call the echo of a message may come. */
export const echoWithinMs = 2 * minute;

/** Rests between two looks for a message whose answer was lost; after the last one it is unclear. */
const looksAfterMs = [2 * second, 10 * second, 30 * second, 90 * second, 3 * minute, 5 * minute];

/** After so many looks a person decides. */
export const mostLooks = looksAfterMs.length;

/** The rest before the next look, after so many; null: a person decides. */
export const lookAgainMs = (looks: number): number | null => looksAfterMs[looks] ?? null;

/** How long an unclear message rests before it is looked for once more. */
export const unclearRestMs = hour;

/** Reasons for which a whole queue waits: the account, or its provider's key, must be mended first. */
export const waitsForAccount: ReadonlySet<FailureCode> = new Set([
  'login_lost',
  'owner_check_required',
  'account_gone',
  'not_connected',
  'provider_key_rejected',
  'provider_not_configured',
]);

/** How long a run waits for something to be due; where it takes longer, it ends, and the reconciler starts another. */
export const longestSleepMs = 10 * minute;

/** `live`: a person or a message waits for the call. `backfill`: it reads what is at the provider already. */
export type CallKind = 'live' | 'backfill';

/** Calls that credentials may make, at a time. */
export interface CallBucket {
  calls: number;
  at: Date;
}

/** What was taken of a bucket. `bucket`: what is stored of it. `freeInMs`: until one can be taken, where none was. */
interface TakenCalls {
  bucket: CallBucket;
  taken: number;
  freeInMs: number;
}

const minuteMs = 60_000;

/** Calls that may go out at once: the size of the bucket. */
const burstOf = (perMinute: number): number => Math.min(perMinute, Math.max(2, Math.ceil(perMinute / 5)));

/** What backfill leaves in the bucket for live calls. */
const keptForLive = (perMinute: number): number => Math.floor(burstOf(perMinute) / 2);

/** What comes back in a millisecond: after a full bucket, no minute has more than `perMinute` calls. */
const refillPerMs = (perMinute: number): number => (perMinute - burstOf(perMinute) + 1) / minuteMs;

/** A share of the bucket, so that few calls are lost where a process does not use all that it took. */
export const mostAtOnce = (perMinute: number): number => Math.min(16, Math.max(1, Math.floor(burstOf(perMinute) / 4)));

/** Sums of times are not exact. */
const almostNone = 1e-6;

/**
 * Takes up to `most` calls of a bucket, which is full where there is none yet. Backfill leaves a share of it. A clock that is
 * behind gives nothing back.
 */
export function takeCalls(
  bucket: CallBucket | null,
  perMinute: number,
  kind: CallKind,
  most: number,
  now: Date,
): TakenCalls {
  const burst = burstOf(perMinute);
  const since = bucket ? Math.max(now.getTime() - bucket.at.getTime(), 0) : 0;
  const calls = Math.min(burst, (bucket?.calls ?? burst) + since * refillPerMs(perMinute));
  const kept = kind === 'backfill' ? keptForLive(perMinute) : 0;
  const taken = Math.max(0, Math.min(most, Math.floor(calls - kept + almostNone)));
  const at = bucket && bucket.at > now ? bucket.at : now;
  return {
    bucket: { calls: Math.max(calls - taken, 0), at },
    taken,
    freeInMs: taken > 0 ? 0 : Math.ceil((kept + 1 - calls) / refillPerMs(perMinute)),
  };
}

import { isGrpcServiceError } from '@temporalio/client';

/** CANCELLED, DEADLINE_EXCEEDED, RESOURCE_EXHAUSTED, ABORTED, UNAVAILABLE. */
const passing = new Set([1, 4, 8, 10, 14]);

/** Whether Temporal could not answer at all, whatever the request. */
export function isTemporalDown(error: unknown): boolean {
  for (let one: unknown = error; one instanceof Error; one = one.cause)
    if (isGrpcServiceError(one)) return passing.has(one.code);
  return false;
}

import { isGrpcServiceError } from '@temporalio/client';

/** gRPC's codes CANCELLED, DEADLINE_EXCEEDED, RESOURCE_EXHAUSTED, ABORTED and UNAVAILABLE. */
const passing = new Set([1, 4, 8, 10, 14]);

/** Whether an error says that Temporal could not answer now, whatever was asked. */
export function isTemporalDown(error: unknown): boolean {
  for (let one: unknown = error; one instanceof Error; one = one.cause)
    if (isGrpcServiceError(one)) return passing.has(one.code);
  return false;
}

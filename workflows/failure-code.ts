import { ActivityFailure, ApplicationFailure, isCancellation } from '@temporalio/workflow';
import { asFailureCode, type FailureCode } from '../domain/failures.ts';

/** The code of a permanent failure. A time-out has the failure of its last try as its cause. */
export function failureCode(error: unknown): FailureCode {
  if (!(error instanceof ActivityFailure) || isCancellation(error)) throw error;
  for (let cause: unknown = error.cause; cause instanceof Error; cause = cause.cause)
    if (cause instanceof ApplicationFailure && cause.type) return asFailureCode(cause.type);
  return 'provider_unavailable';
}

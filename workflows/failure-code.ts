import { ActivityFailure, ApplicationFailure } from '@temporalio/workflow';
import { asFailureCode, type FailureCode } from '../domain/failures.ts';

/**
 * Why an activity failed for good. A time-out holds the failure of its last try as its cause. Anything else is thrown
 * on: it is a mistake in workflow code, or a cancellation.
 */
export function failureCode(error: unknown): FailureCode {
  if (!(error instanceof ActivityFailure)) throw error;
  for (let cause: unknown = error.cause; cause instanceof Error; cause = cause.cause)
    if (cause instanceof ApplicationFailure && cause.type) return asFailureCode(cause.type);
  return 'provider_unavailable';
}

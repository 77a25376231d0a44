import { setTimeout as sleep } from 'node:timers/promises';
import { failureRow, ProviderFailure } from '../../domain/failures.ts';

/** The longest wait inside an activity, in milliseconds; longer waits are left to Temporal's retries. */
const longestWaitMs = 60_000;
const tries = 5;

/** What calls of a sync have in common. */
export interface Patience {
  signal: AbortSignal;
  /** Called for each try that failed. */
  failed?: (failure: ProviderFailure) => Promise<void>;
}

/**
 * Makes a call to a provider, waiting out its pauses and short outages: a retry by Temporal would begin the whole
 * activity anew. Throws the failure of the last try, at once where waiting does not help.
 */
export async function withRetries<T>({ signal, failed }: Patience, call: () => Promise<T>): Promise<T> {
  for (let n = 1; ; n += 1) {
    try {
      return await call();
    } catch (error) {
      if (!(error instanceof ProviderFailure)) throw error;
      await failed?.(error);
      const { action } = failureRow(error.code);
      const waitMs = error.retryAfterMs ?? 500 * 2 ** n;
      if ((action !== 'retry' && action !== 'wait') || n >= tries || waitMs > longestWaitMs) throw error;
      await sleep(waitMs, undefined, { signal });
    }
  }
}

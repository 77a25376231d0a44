import { setTimeout as sleep } from 'node:timers/promises';
import { failureRow, ProviderFailure } from '../../domain/failures.ts';

/** The longest wait inside an activity, in milliseconds; what takes longer is left to Temporal's retries. */
const longestWaitMs = 60_000;
const tries = 5;

/**
 * Makes a call to a provider, waiting out its pauses and short outages: a retry by Temporal would begin the whole
 * activity anew. Throws the failure of the last try, at once where waiting does not help.
 */
export async function withRetries<T>(signal: AbortSignal, call: () => Promise<T>): Promise<T> {
  for (let n = 1; ; n += 1) {
    try {
      return await call();
    } catch (error) {
      if (!(error instanceof ProviderFailure)) throw error;
      const { action } = failureRow(error.code);
      const waitMs = error.retryAfterMs ?? 500 * 2 ** n;
      if ((action !== 'retry' && action !== 'wait') || n >= tries || waitMs > longestWaitMs) throw error;
      await sleep(waitMs, undefined, { signal });
    }
  }
}

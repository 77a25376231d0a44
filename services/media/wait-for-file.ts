import type { ProviderFailure } from '../../domain/failures.ts';
import { isPassing } from '../../domain/media.ts';
import { Problem } from '../problem.ts';

/** A file that could not be fetched is not asked for again before this, whatever callers do. In milliseconds. */
export const fetchRestMs = 15_000;

/** Waits for the end of work, or until `patience` fires. Throws what the work throws. */
export async function untilDone(work: Promise<void>, patience: AbortSignal): Promise<void> {
  if (patience.aborted) return;
  const end = new Promise<void>((resolve) => patience.addEventListener('abort', () => resolve(), { once: true }));
  await Promise.race([work, end]);
}

/** What a caller that waits for a file is told of a failed fetch. */
export function problemOfFetch({ code, message, retryAfterMs = fetchRestMs }: ProviderFailure): Problem {
  if (isPassing(code) || code === 'request_refused' || code === 'not_found')
    return new Problem('provider_unavailable', `The file could not be fetched: ${message}`, {
      fix: 'Try again after the pause.',
      retryAfter: retryAfterMs / 1_000,
    });
  if (code === 'provider_not_configured') return new Problem('provider_not_configured');
  return new Problem('account_not_connected', `The file cannot be fetched: ${message}`);
}

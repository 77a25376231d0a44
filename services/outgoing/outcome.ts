import type { DeliveryError } from '../../domain/deliveries.ts';
import { storableText } from '../../domain/text.ts';
import type { PostAnswer } from '../../providers/shared/public-post.ts';

/** How long an endpoint may take to answer, in milliseconds. */
export const tryMs = 10_000;

/** How one try ended; without an `error` the endpoint has taken the event. */
export interface Outcome {
  status: number | null;
  error: DeliveryError | null;
  tookMs: number;
  /** The beginning of the answer's body; null where there was none. */
  answer: string | null;
}

export const outcomeOf = ({ status, error, tookMs, body }: PostAnswer): Outcome => ({
  status,
  error: error ?? errorOfStatus(status ?? 0),
  tookMs,
  answer: body.length ? storableText(body.toString()) : null,
});

function errorOfStatus(status: number): DeliveryError | null {
  if (status >= 200 && status < 300) return null;
  if (status === 410) return 'gone';
  return status >= 300 && status < 400 ? 'redirect' : 'refused';
}

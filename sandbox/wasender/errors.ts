import type { Response } from 'express';
import type { State } from './state.ts';

/** The field that carries the text of a failure: which one depends on the call. */
type ErrorField = 'message' | 'error';

/** An answer that is not a success. */
export class WasenderError extends Error {
  readonly status: number;
  /** Null: as the route's other failures. */
  readonly field: ErrorField | null;
  /** Texts by field of the request's body. */
  readonly errors: Record<string, string[]> | undefined;
  constructor(
    status: number,
    message: string,
    more: { field?: ErrorField; errors?: Record<string, string[]> | undefined } = {},
  ) {
    super(message);
    this.status = status;
    this.field = more.field ?? null;
    this.errors = more.errors;
  }
}

/** A call over a limit. */
export class TooManyRequests extends Error {
  /** Epoch milliseconds. */
  readonly until: number;
  constructor(until: number) {
    super('Too many requests, slow down.');
    this.until = until;
  }
}

export const unauthorized = (text: string): WasenderError => new WasenderError(401, text, { field: 'message' });
export const notFound = (what: string): WasenderError => new WasenderError(404, `${what} not found`);
export const invalid = (text: string, errors?: Record<string, string[]>): WasenderError =>
  new WasenderError(422, text, { errors });
export const invalidJid = (): WasenderError => new WasenderError(422, 'Invalid JID');
export const unexpected = (): WasenderError => new WasenderError(500, 'Server Error', { field: 'message' });

/** The usual success. */
export function answer(res: Response, data: unknown, status = 200): void {
  res.status(status).json({ success: true, data });
}

/** 429 with how long to wait, where and as the variants say. */
export function answerOverLimit(state: State, res: Response, until: number): void {
  const { retry_after: where, retry_after_unit: unit } = state.variants.values;
  const now = state.shared.clock.now();
  const value = unit === 'epoch' ? Math.ceil(until / 1000) : Math.max(1, Math.ceil((until - now) / 1000));
  if (where === 'header' || where === 'both') res.set('retry-after', String(value));
  const inBody = where === 'body' || where === 'both';
  const { message } = new TooManyRequests(until);
  res.status(429).json({ message, ...(inBody && { retry_after: value }) });
}

/** A failure, its text under the field that the route or the variants say. */
export function answerError(state: State, res: Response, thrown: unknown): void {
  if (thrown instanceof TooManyRequests) return answerOverLimit(state, res, thrown.until);
  const error = asWasenderError(thrown);
  const { error_field: asked, error_status: statuses } = state.variants.values;
  const field = asked === 'documented' ? (error.field ?? (res.locals['errorField'] as string) ?? 'message') : asked;
  const text = error.message;
  // An outage has its own code whatever the service's habits.
  const ownCode = statuses === 'http' || error.status >= 500;
  res.status(ownCode ? error.status : 200).json({
    success: false,
    ...(field !== 'error' && { message: text }),
    ...(field !== 'message' && { error: text }),
    ...(error.errors && { errors: error.errors }),
  });
}

/** Whatever was thrown, as one of the service's errors. */
function asWasenderError(error: unknown): WasenderError {
  if (error instanceof WasenderError) return error;
  const { type, message } = error as { type?: string; message?: string };
  if (type === 'entity.too.large') return new WasenderError(413, 'The file is too large.');
  if (type === 'entity.parse.failed') return new WasenderError(422, 'The body is not JSON.');
  return new WasenderError(500, message ?? 'Server Error', { field: 'message' });
}

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

import type { Response } from 'express';
import { ApiError, type ErrorFormat } from '../server/errors.ts';
import type { Clock } from '../world/clock.ts';
import type { WasenderVariants } from './variants.ts';

/** Depends on the call. */
type ErrorField = 'message' | 'error';

interface Details {
  /** Absent: the field of the route's other failures. */
  field?: ErrorField;
  /** By field of the request's body. */
  errors?: Record<string, string[]> | undefined;
  /** Only for a call over a limit, in epoch milliseconds. */
  retryAt?: number;
}

export class WasenderError extends ApiError {
  readonly details: Details;
  constructor(status: number, message: string, details: Details = {}) {
    super(status, message);
    this.details = details;
  }
}

export const unauthorized = (text: string): WasenderError => new WasenderError(401, text, { field: 'message' });
export const notFound = (what: string): WasenderError => new WasenderError(404, `${what} not found`);
export const invalid = (text: string, errors?: Record<string, string[]>): WasenderError =>
  new WasenderError(422, text, { errors });
export const tooManyRequests = (retryAt: number): WasenderError =>
  new WasenderError(429, 'Too many requests, slow down.', { retryAt });

const failure = (status: number, text: string, details?: Details) => (): WasenderError =>
  new WasenderError(status, text, details);

export function errorFormat(variants: WasenderVariants, clock: Clock): ErrorFormat<WasenderError> {
  return {
    failures: {
      route_not_found: (detail = 'Route') => notFound(detail),
      body_too_large: failure(413, 'The file is too large.'),
      body_not_json: failure(422, 'The body is not JSON.'),
      form_invalid: failure(422, 'The form is wrong.'),
      form_expected: failure(422, 'A form is expected.'),
      unexpected: (detail = 'Server Error') => new WasenderError(500, detail, { field: 'message' }),
      timeout: failure(504, 'Gateway Timeout'),
    },
    tooManyRequests,
    write(error, res) {
      if (error.details.retryAt !== undefined) writeOverLimit(error, error.details.retryAt, res);
      else writeFailure(error, res);
    },
  };

  /** Place and unit of the waiting time depend on the variants. */
  function writeOverLimit({ status, message }: WasenderError, retryAt: number, res: Response): void {
    const { retry_after: where, retry_after_unit: unit } = variants;
    const wait = Math.max(1, Math.ceil((retryAt - clock.now()) / 1000));
    const value = unit === 'epoch' ? Math.ceil(retryAt / 1000) : wait;
    if (where === 'header' || where === 'both') res.set('retry-after', String(value));
    const inBody = where === 'body' || where === 'both';
    res.status(status).json({ message, ...(inBody && { retry_after: value }) });
  }

  function writeFailure({ status, message, details }: WasenderError, res: Response): void {
    const { error_field: asked, error_status: statuses } = variants;
    const documented = details.field ?? (res.locals['errorField'] as ErrorField | undefined) ?? 'message';
    const field = asked === 'documented' ? documented : asked;
    // An outage keeps its own code with every variant.
    const ownCode = statuses === 'http' || status >= 500;
    res.status(ownCode ? status : 200).json({
      success: false,
      ...(field !== 'error' && { message }),
      ...(field !== 'message' && { error: message }),
      ...(details.errors && { errors: details.errors }),
    });
  }
}

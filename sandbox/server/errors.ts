import type { ErrorRequestHandler, Response } from 'express';
import multer from 'multer';
import type { ChosenError } from './faults.ts';

/** An answer that is not a success. The control API returns it as it is; a provider's own class adds fields. */
export class ApiError extends Error {
  readonly status: number;
  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

type ServerFailure =
  | 'route_not_found'
  | 'body_too_large'
  | 'body_not_json'
  | 'form_invalid'
  | 'form_expected'
  | 'unexpected'
  | 'timeout';

export interface ErrorFormat<E extends ApiError> {
  failures: Record<ServerFailure, (detail?: string) => E>;
  /** Epoch milliseconds from which a call succeeds again. */
  tooManyRequests(retryAt: number): E;
  /** The fault `rate_error`. Absent where errors have no codes. */
  chosen?(error: ChosenError): E;
  write(error: E, res: Response): void;
}

/** Thrown by a body reader for a request that is not a form. */
export class FormExpected extends Error {}

/** The `type` of body-parser's errors and the `code` of multer's. */
const BODY_FAILURES: Record<string, ServerFailure> = {
  'entity.too.large': 'body_too_large',
  'entity.parse.failed': 'body_not_json',
  LIMIT_FILE_SIZE: 'body_too_large',
};

function failureOf(error: Error & { type?: string; code?: string }): ServerFailure {
  const known = BODY_FAILURES[error.type ?? ''] ?? BODY_FAILURES[error.code ?? ''];
  if (known) return known;
  if (error instanceof FormExpected) return 'form_expected';
  return error instanceof multer.MulterError ? 'form_invalid' : 'unexpected';
}

export function answerErrors<E extends ApiError>(format: ErrorFormat<E>): ErrorRequestHandler {
  // Express recognises an error handler by its four parameters.
  return (error: Error, _req, res, _next) => {
    const known = error instanceof ApiError ? (error as E) : format.failures[failureOf(error)](error.message);
    format.write(known, res);
  };
}

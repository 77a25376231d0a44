import type { ErrorRequestHandler, Request, RequestHandler, Response } from 'express';
import type { Context } from '../../services/context.ts';
import { isDatabaseBusy, isDatabaseDown } from '../../db/database-down.ts';
import { Problem, problemBody } from '../../services/problem.ts';
import { answerUnread, isUnread } from './body.ts';

/** The aliases answer errors in the documented `{error}` shape of the systems that they replace. */
const isAliasPath = (path: string): boolean => path.startsWith('/api/') && !path.startsWith('/api/v1/');

/** The last handler: turns whatever was thrown into one answer. An unforeseen error shows no detail. */
export const answerErrors =
  ({ log }: Pick<Context, 'log'>): ErrorRequestHandler =>
  (error: unknown, request, response, next) => {
    const problem = problemOf(error);
    if (problem.code === 'unexpected')
      log.error({ err: error, request_id: idOf(response), method: request.method }, 'request failed');
    if (response.headersSent) {
      next(error);
      return;
    }
    answerProblem(request, response, problem);
  };

function answerProblem(request: Request, response: Response, problem: Problem): void {
  response.locals['code'] = problem.code;
  const body = problemBody(problem, idOf(response));
  const text = JSON.stringify(isAliasPath(request.originalUrl) ? { error: body.detail, ...body } : body);
  response.status(problem.status).set(problem.headers).type('application/problem+json');
  if (isUnread(request)) answerUnread(request, response, text);
  else response.send(text);
}

/** The id under which a request is found in the log. */
const idOf = (response: Response): string => String(response.locals['requestId'] ?? '');

/** For a request without a route: 404 for an unknown path, 405 for one that is known with other methods. */
export const answerUnknown =
  (methodsOf: (path: string) => string[]): RequestHandler =>
  (request) => {
    const methods = methodsOf(request.path);
    if (!methods.length)
      throw new Problem('not_found', 'There is no such address.', { fix: 'See /docs for all addresses.' });
    throw new Problem('method_not_allowed', `This address takes ${methods.join(', ')}.`, {
      headers: { allow: methods.join(', ') },
    });
  };

/** What callers are told of an error. */
export function problemOf(error: unknown): Problem {
  if (error instanceof Problem) return error;
  // Express's router throws these for a wrongly encoded address.
  if (error instanceof URIError || (error as { status?: unknown } | null)?.status === 400)
    return new Problem('malformed_request');
  if (isDatabaseBusy(error))
    return new Problem('database_busy', 'Other work holds what this request needs.', { retryAfter: 2 });
  if (isDatabaseDown(error)) return new Problem('database_unavailable', undefined, { retryAfter: 2 });
  return new Problem('unexpected');
}

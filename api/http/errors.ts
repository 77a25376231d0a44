import type { ErrorRequestHandler, Request, RequestHandler, Response } from 'express';
import type { ApiContext } from '../context.ts';
import { isDatabaseDown } from './database-down.ts';
import { Problem, problemBody } from './problem.ts';

/** Where errors are answered in the documented `{error}` shape of the systems that the aliases stand for. */
const isAliasPath = (path: string): boolean => path.startsWith('/api/') && !path.startsWith('/api/v1/');

/** The last handler: turns whatever was thrown into one answer. What is not foreseen shows nothing of itself. */
export const answerErrors =
  ({ log }: Pick<ApiContext, 'log'>): ErrorRequestHandler =>
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

export function answerProblem(request: Request, response: Response, problem: Problem): void {
  const body = problemBody(problem, idOf(response));
  response.status(problem.status).set(problem.headers);
  // What was not read of a refused body ends with its connection.
  if (!request.complete) response.set('connection', 'close');
  if (isAliasPath(request.originalUrl)) response.json({ error: body.detail, ...body });
  else response.type('application/problem+json').send(JSON.stringify(body));
}

/** The id under which a request is found in the log. */
export const idOf = (response: Response): string => String(response.locals['requestId'] ?? '');

/** Nobody took the request: the path is unknown, or known with other methods. */
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

/** Errors of Express' body parser and router by their `type`. */
const parserProblems: Record<string, ConstructorParameters<typeof Problem>> = {
  'entity.parse.failed': ['malformed_request', 'The body is not valid JSON.'],
  'entity.too.large': ['too_large'],
  'encoding.unsupported': ['unsupported_encoding'],
  'charset.unsupported': ['unsupported_encoding'],
  'request.aborted': ['malformed_request', 'The body ended before it was complete.'],
  'request.size.invalid': ['malformed_request', 'The body is not as long as its Content-Length.'],
};

export function problemOf(error: unknown): Problem {
  if (error instanceof Problem) return error;
  const { type, status } = (error ?? {}) as { type?: unknown; status?: unknown };
  const parser = typeof type === 'string' ? parserProblems[type] : undefined;
  if (parser) return new Problem(...parser);
  if (error instanceof URIError || status === 400) return new Problem('malformed_request');
  if (isDatabaseDown(error)) return new Problem('database_unavailable', undefined, { retryAfter: 2 });
  return new Problem('unexpected');
}

import express, { type ErrorRequestHandler, type Express } from 'express';
import type { ProviderSandbox } from '../server/provider.ts';
import type { Shared } from '../server/shared.ts';
import { createActions } from './control.ts';
import { answerProblem, asUnipileError, mountRoutes, notFound } from './errors.ts';
import { linkRoute, serveHostedPages } from './hosted/routes.ts';
import { accountRoutes, loginRoutes } from './routes/accounts.ts';
import { attendeeRoutes, userRoutes } from './routes/attendees.ts';
import { chatRoutes, messageRoutes } from './routes/chats.ts';
import { webhookRoutes } from './routes/webhooks.ts';
import { clearState, createState } from './state.ts';

/** A stand-in for UniPile's API v1: the HTTP side, and what control can do to it. */
export function createUnipile(shared: Shared): ProviderSandbox & { app: Express } {
  const state = createState(shared);
  const app = express();
  app.disable('x-powered-by');
  app.set('etag', false);
  mountRoutes(app, state, [
    ...loginRoutes(state),
    linkRoute(state),
    ...accountRoutes(state),
    ...chatRoutes(state),
    ...messageRoutes(state),
    ...attendeeRoutes(state),
    ...userRoutes(state),
    ...webhookRoutes(state),
  ]);
  serveHostedPages(app, state);
  app.use((req) => {
    shared.calls.count('unipile', req.method, '(unknown)');
    throw notFound(`Route ${req.method} ${req.path}`);
  });
  // Express tells an error handler by its four parameters.
  const answerError: ErrorRequestHandler = (error: unknown, _req, res, _next) => {
    const problem = asUnipileError(error);
    answerProblem(res, problem, problem.status === 429 ? state.variants.values.retry_after_seconds : null);
  };
  app.use(answerError);

  return {
    name: 'unipile',
    app,
    variants: state.variants,
    owns: ({ account_id }) => account_id !== undefined && state.accounts.has(account_id),
    actions: createActions(state),
    reset: () => clearState(state),
  };
}

import express, { type ErrorRequestHandler, type Express } from 'express';
import type { ProviderSandbox } from '../server/provider.ts';
import type { Shared } from '../server/shared.ts';
import { mountRoutes } from './api.ts';
import { createActions, referred } from './control.ts';
import { answerError, notFound } from './errors.ts';
import { mountFiles } from './files.ts';
import { contactRoutes, groupRoutes } from './routes/contacts.ts';
import { mediaRoutes, messageRoutes } from './routes/messages.ts';
import { linkingRoutes, logRoutes, ownRoutes, sessionRoutes } from './routes/sessions.ts';
import { clearState, createState } from './state.ts';

/** A stand-in for WASender's API: the HTTP side, and what control can do to it. */
export function createWasender(shared: Shared): ProviderSandbox & { app: Express } {
  const state = createState(shared);
  const app = express();
  app.disable('x-powered-by');
  app.set('etag', false);
  mountRoutes(app, state, [
    ...sessionRoutes(state),
    ...linkingRoutes(state),
    ...logRoutes(state),
    ...ownRoutes(state),
    ...contactRoutes(state),
    ...groupRoutes(state),
    ...messageRoutes(state),
    ...mediaRoutes(state),
  ]);
  mountFiles(app, state);
  app.use((req) => {
    shared.calls.count('wasender', req.method, '(unknown)');
    throw notFound(`Route ${req.method} ${req.path}`);
  });
  // Express tells an error handler by its four parameters.
  const onError: ErrorRequestHandler = (error: unknown, _req, res, _next) => answerError(state, res, error);
  app.use(onError);

  return {
    name: 'wasender',
    app,
    variants: state.variants,
    owns: (ref) => referred(state, ref) !== undefined,
    actions: createActions(state),
    reset: () => clearState(state),
  };
}

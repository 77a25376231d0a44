import express, { type Express, type RequestHandler } from 'express';
import multer from 'multer';
import { createApi, createApp } from '../server/api.ts';
import { answerErrors } from '../server/errors.ts';
import type { ProviderDefinition, ProviderSandbox } from '../server/provider.ts';
import type { Shared } from '../server/shared.ts';
import { conversationsOf, createActions } from './control.ts';
import { errorFormat, type MetaError } from './errors.ts';
import { serveFiles } from './files.ts';
import { batchRoute } from './graph/batch.ts';
import { admit, type Call, type Route } from './graph/call.ts';
import { readVersion } from './graph/version.ts';
import { serveDialogs } from './login/dialog.ts';
import { exchangeRoutes } from './login/exchange.ts';
import { appRoutes } from './routes/apps.ts';
import { conversationRoutes } from './routes/conversations.ts';
import { nodeRoutes } from './routes/nodes.ts';
import { peopleRoutes } from './routes/people.ts';
import { subscribedAppRoutes } from './routes/subscribed-apps.ts';
import { templateRoutes } from './routes/templates.ts';
import { whatsappRoutes } from './routes/whatsapp.ts';
import { clearState, createState, findAsset, type State, type World } from './state.ts';
import type { Asset } from './types.ts';

export const meta: ProviderDefinition<'meta'> = {
  name: 'meta',
  port: { variable: 'PATCHBAY_SANDBOX_META_PORT', usual: 3913 },
  urlPath: '',
  create,
};

function create(shared: Shared): ProviderSandbox {
  const state = createState(shared);
  const errors = errorFormat(state.variants.values);
  const graph = createApi<Call, Route, MetaError>(shared, {
    provider: 'meta',
    base: '',
    routes: routes(state),
    errors,
    admit: (req, res, route) => admit(state, req, res, route),
    pages(app) {
      serveDialogs(app, state);
      serveFiles(app, state);
    },
  });
  return {
    app: withBodies(graph, answerErrors(errors)),
    variants: state.variants,
    errorsHaveCodes: true,
    findAccount: ({ account_id }) => findAsset(state, account_id ?? '') ?? undefined,
    actions: createActions(state),
    conversations: (account) => conversationsOf(account as Asset),
    reset: () => clearState(state),
    save: () => state.world,
    restore: (saved) => void (state.world = saved as World),
  };
}

const MOST_BYTES = 105 * 1024 * 1024;

/** The token may be in the body, so that a body is read before anything else. */
function withBodies(graph: Express, onError: ReturnType<typeof answerErrors>): Express {
  const app = createApp();
  const form = multer({
    storage: multer.memoryStorage(),
    limits: { fileSize: MOST_BYTES, files: 5, fields: 100 },
  }).any();
  const multipart: RequestHandler = (req, res, next) => (req.is('multipart/form-data') ? form(req, res, next) : next());
  app.use(
    readVersion,
    express.json({ limit: '4mb' }),
    express.urlencoded({ extended: false, limit: '4mb' }),
    multipart,
  );
  app.use(graph);
  app.use(onError);
  return app;
}

/** A path with a word in it goes before the one with an id there. */
const routes = (state: State): Route[] => [
  ...exchangeRoutes(state),
  ...peopleRoutes(state),
  batchRoute(),
  ...appRoutes(state),
  ...subscribedAppRoutes(state),
  ...conversationRoutes(state),
  ...templateRoutes(state),
  ...whatsappRoutes(state),
  ...nodeRoutes(state),
];

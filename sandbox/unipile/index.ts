import type { Request } from 'express';
import { createApi } from '../server/api.ts';
import type { ProviderDefinition, ProviderSandbox } from '../server/provider.ts';
import type { Shared } from '../server/shared.ts';
import { createActions } from './control.ts';
import { conversationsOf } from './conversations.ts';
import { errorFormat, UnipileError } from './errors.ts';
import { linkRoute, serveHostedPages } from './hosted/routes.ts';
import { serveMedia } from './media.ts';
import type { Route } from './request.ts';
import { accountRoutes, loginRoutes } from './routes/accounts.ts';
import { attendeeRoutes, userRoutes } from './routes/attendees.ts';
import { chatRoutes, messageRoutes } from './routes/chats.ts';
import { webhookRoutes } from './routes/webhooks.ts';
import { restoreState, saveState, type SavedState } from './saved-state.ts';
import { clearState, createState, type State } from './state.ts';
import type { Account } from './types.ts';

const API_KEY = 'sandbox-key';

export const unipile: ProviderDefinition<'unipile'> = {
  name: 'unipile',
  port: { variable: 'PATCHBAY_SANDBOX_PORT', usual: 3911 },
  urlPath: '',
  create,
};

function create(shared: Shared): ProviderSandbox {
  const state = createState(shared);
  const errors = errorFormat(state.variants.values);
  const app = createApi<void, Route, UnipileError>(shared, {
    provider: 'unipile',
    base: '/api/v1',
    routes: routes(state),
    errors,
    admit(req) {
      state.origin = `http://${req.headers.host}`;
      checkKey(req, state.variants.values.refuses_keys);
      const { rate_limit_per_minute: limit } = state.variants.values;
      const { retryAt } = state.limits.take('', limit === null ? [] : [{ limit, seconds: 60 }]);
      if (retryAt !== null) throw errors.tooManyRequests(retryAt);
    },
    pages(pages) {
      serveHostedPages(pages, state);
      serveMedia(pages, state);
    },
  });
  return {
    app,
    variants: state.variants,
    findAccount: ({ account_id }) => state.accounts.get(account_id ?? ''),
    actions: createActions(state),
    conversations: (account) => conversationsOf(state, account as Account),
    reset: () => clearState(state),
    save: () => saveState(state),
    restore: (saved) => restoreState(state, saved as SavedState),
  };
}

const routes = (state: State): Route[] => [
  ...loginRoutes(state),
  linkRoute(state),
  ...accountRoutes(state),
  ...chatRoutes(state),
  ...messageRoutes(state),
  ...attendeeRoutes(state),
  ...userRoutes(state),
  ...webhookRoutes(state),
];

function checkKey(req: Request, isRefused: boolean): void {
  const key = req.headers['x-api-key'];
  if (key === undefined) throw new UnipileError('missing_api_key', 'The X-API-KEY header is missing.');
  if (key !== API_KEY || isRefused) throw new UnipileError('invalid_api_key', `The sandbox's API key is "${API_KEY}".`);
}

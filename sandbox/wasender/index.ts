import { createApi } from '../server/api.ts';
import type { AccountRef, ProviderDefinition, ProviderSandbox } from '../server/provider.ts';
import type { Shared } from '../server/shared.ts';
import { admit, type Route } from './api.ts';
import { conversationsOf } from './chats.ts';
import { createActions } from './control.ts';
import { errorFormat, type WasenderError } from './errors.ts';
import { mountFiles } from './files.ts';
import { contactRoutes, groupRoutes } from './routes/contacts.ts';
import { mediaRoutes, messageRoutes } from './routes/messages.ts';
import { logRoutes, ownRoutes, pairingRoutes, sessionRoutes } from './routes/sessions.ts';
import { restoreState, saveState, type SavedState } from './saved-state.ts';
import { clearState, createState, type Session, type State } from './state.ts';

export const wasender: ProviderDefinition<'wasender'> = {
  name: 'wasender',
  port: { variable: 'PATCHBAY_SANDBOX_WASENDER_PORT', usual: 3912 },
  urlPath: '/api',
  create,
};

function create(shared: Shared): ProviderSandbox {
  const state = createState(shared);
  const app = createApi<Session | null, Route, WasenderError>(shared, {
    provider: 'wasender',
    base: '/api',
    routes: routes(state),
    errors: errorFormat(state.variants.values, shared.clock),
    admit: (req, res, route) => admit(state, req, res, route),
    pages: (pages) => mountFiles(pages, state),
  });
  return {
    app,
    variants: state.variants,
    findAccount({ session, account_id }: AccountRef) {
      const id = session ?? account_id ?? '';
      return /^\d{1,12}$/.test(id) ? state.sessions.get(Number(id)) : undefined;
    },
    actions: createActions(state),
    conversations: (session) => conversationsOf(session as Session),
    reset: () => clearState(state),
    save: () => saveState(state),
    restore: (saved) => restoreState(state, saved as SavedState),
  };
}

const routes = (state: State): Route[] => [
  ...sessionRoutes(state),
  ...pairingRoutes(state),
  ...logRoutes(state),
  ...ownRoutes(state),
  ...contactRoutes(state),
  ...groupRoutes(state),
  ...messageRoutes(state),
  ...mediaRoutes(state),
];

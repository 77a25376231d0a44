import type { Request } from 'express';
import { answer } from '../answers.ts';
import { notFound, WasenderError } from '../errors.ts';
import type { Route } from '../http.ts';
import { sessionSettings, parseBody, updatedSettings } from '../settings.ts';
import { addSession, getSession, regenerateKey, removeSession, type State } from '../state.ts';
import type { Session } from '../types.ts';
import { sessionView } from '../views/session.ts';

/** The session that the path names; a session's own key reaches no other. Throws 404. */
export function sessionOf(state: State, req: Request, caller: Session | null): Session {
  const session = getSession(state, String(req.params['id']));
  if (caller && caller !== session) throw notFound('Session');
  return session;
}

/** Sessions behind the personal access token: list, create, one, update, delete, new key. */
export function sessionRoutes(state: State): Route[] {
  const variants = state.variants.values;
  return [
    {
      method: 'get',
      path: '/auth-check',
      auth: 'pat',
      handle: (_req, res) => void res.json({ success: true, message: 'Authenticated' }),
    },
    {
      method: 'get',
      path: '/whatsapp-sessions',
      auth: 'pat',
      handle(_req, res, caller) {
        const shown = caller ? [caller] : [...state.sessions.values()];
        answer(
          res,
          shown.map((session) => sessionView(state, session, 'list')),
        );
      },
    },
    {
      method: 'post',
      path: '/whatsapp-sessions',
      auth: 'pat',
      body: 'json',
      handle(req, res) {
        const settings = parseBody(sessionSettings, req.body);
        if (variants.session_limit !== null && state.sessions.size >= variants.session_limit) {
          throw new WasenderError(403, 'You have reached the limit of sessions of your plan.', { field: 'error' });
        }
        answer(res, sessionView(state, addSession(state, settings), 'one'), variants.create_status);
      },
    },
    {
      method: 'get',
      path: '/whatsapp-sessions/:id',
      auth: 'pat',
      handle: (req, res, caller) => answer(res, sessionView(state, sessionOf(state, req, caller), 'one')),
    },
    {
      method: 'put',
      path: '/whatsapp-sessions/:id',
      auth: 'pat',
      body: 'json',
      handle(req, res, caller) {
        const session = sessionOf(state, req, caller);
        session.settings = updatedSettings(session.settings, req.body, variants.update_body === 'whole');
        session.updatedAt = state.shared.clock.now();
        const data = sessionView(state, session, 'one');
        const { update_warning: warning } = variants;
        res.json({ success: true, ...(warning !== null && { message: warning, warning }), data });
      },
    },
    {
      method: 'delete',
      path: '/whatsapp-sessions/:id',
      auth: 'pat',
      handle(req, res, caller) {
        removeSession(state, sessionOf(state, req, caller));
        res.status(204).send();
      },
    },
    {
      method: 'post',
      path: '/whatsapp-sessions/:id/regenerate-key',
      auth: 'pat',
      handle(req, res, caller) {
        res.json({ success: true, api_key: regenerateKey(state, sessionOf(state, req, caller)) });
      },
    },
  ];
}

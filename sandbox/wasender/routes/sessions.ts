import type { Request } from 'express';
import { z } from 'zod';
import { jsonBody } from '../../server/api.ts';
import { answer, patRoute, type Route, sessionRouter } from '../api.ts';
import { notFound, WasenderError } from '../errors.ts';
import { nameFor } from '../../world/people.ts';
import { jidOf } from '../../world/whatsapp.ts';
import { unlistedLid } from '../identity.ts';
import { laravelPage } from '../lists.ts';
import { connect, currentQr, disconnect, setStatus, statusText } from '../pairing.ts';
import { parseBody, sessionSettings, updatedSettings } from '../settings.ts';
import {
  addSession,
  getSession,
  regenerateKey,
  removeSession,
  type Session,
  type State,
  type StoredMessage,
} from '../state.ts';

/** A session's own key reaches no other session. Throws 404. */
function sessionOf(state: State, req: Request<Record<string, string>>, caller: Session | null): Session {
  const session = getSession(state, req.params['id']!);
  if (caller && caller !== session) throw notFound('Session');
  return session;
}

export function sessionRoutes(state: State): Route[] {
  const variants = state.variants.values;
  return [
    patRoute('GET /auth-check', (_req, res) => void res.json({ success: true, message: 'Authenticated' })),
    patRoute('GET /whatsapp-sessions', (_req, res, caller) => {
      const shown = caller ? [caller] : [...state.sessions.values()];
      answer(
        res,
        shown.map((session) => sessionView(state, session, 'list')),
      );
    }),
    patRoute('POST /whatsapp-sessions', { body: jsonBody }, (req, res) => {
      const settings = parseBody(sessionSettings, req.body);
      if (variants.session_limit !== null && state.sessions.size >= variants.session_limit) {
        throw new WasenderError(403, 'You have reached the limit of sessions of your plan.', { field: 'error' });
      }
      answer(res, sessionView(state, addSession(state, settings), 'one'), variants.create_status);
    }),
    patRoute('GET /whatsapp-sessions/:id', (req, res, caller) =>
      answer(res, sessionView(state, sessionOf(state, req, caller), 'one')),
    ),
    patRoute('PUT /whatsapp-sessions/:id', { body: jsonBody }, (req, res, caller) => {
      const session = sessionOf(state, req, caller);
      session.settings = updatedSettings(session.settings, req.body, variants.update_body === 'whole');
      session.updatedAt = state.shared.clock.now();
      const data = sessionView(state, session, 'one');
      const { update_warning: warning } = variants;
      res.json({ success: true, ...(warning !== null && { message: warning, warning }), data });
    }),
    patRoute('DELETE /whatsapp-sessions/:id', (req, res, caller) => {
      removeSession(state, sessionOf(state, req, caller));
      res.status(204).send();
    }),
    patRoute('POST /whatsapp-sessions/:id/regenerate-key', (req, res, caller) => {
      res.json({ success: true, api_key: regenerateKey(state, sessionOf(state, req, caller)) });
    }),
  ];
}

const withoutMilliseconds = (at: number): string => new Date(at).toISOString().replace(/\.\d+Z$/, 'Z');

/** Key and secret are not in the list. */
function sessionView(state: State, session: Session, where: 'list' | 'one'): object {
  const { id, settings } = session;
  return {
    id: state.variants.values.session_id_type === 'text' ? String(id) : id,
    name: settings.name,
    phone_number: settings.phone_number,
    status: statusText(state, session.status, 'lower', id),
    account_protection: settings.account_protection,
    log_messages: settings.log_messages,
    read_incoming_messages: settings.read_incoming_messages,
    webhook_url: settings.webhook_url,
    webhook_enabled: settings.webhook_enabled,
    webhook_events: settings.webhook_events,
    ...(where === 'one' && { api_key: session.apiKey, webhook_secret: session.webhookSecret }),
    created_at: withoutMilliseconds(session.createdAt),
    updated_at: withoutMilliseconds(session.updatedAt),
  };
}

const connectBody = z.looseObject({
  linkMethod: z.enum(['qr', 'passkey']).default('qr'),
  qr_as_image: z.boolean().default(false),
});

export function pairingRoutes(state: State): Route[] {
  return [
    patRoute('POST /whatsapp-sessions/:id/connect', { body: jsonBody, errorField: 'error' }, (req, res, caller) => {
      const { linkMethod, qr_as_image } = parseBody(connectBody, req.body);
      const asImage = qr_as_image || req.query['qrAsImage'] === 'true';
      answer(res, connect(state, sessionOf(state, req, caller), linkMethod, asImage));
    }),
    patRoute(
      'GET /whatsapp-sessions/:id/qrcode',
      { olderPath: '/whatsapp-sessions/:id/qr-code', errorField: 'error' },
      (req, res, caller) => {
        const asImage = req.query['qrAsImage'] === 'true';
        answer(res, { qrCode: currentQr(state, sessionOf(state, req, caller), asImage) });
      },
    ),
    patRoute('POST /whatsapp-sessions/:id/disconnect', (req, res, caller) => {
      disconnect(state, sessionOf(state, req, caller), state.variants.values.after_disconnect);
      answer(res, { status: statusText(state, 'disconnected', 'lower'), message: 'Session disconnected' });
    }),
    patRoute('POST /whatsapp-sessions/:id/restart', { errorField: 'error' }, (req, res, caller) => {
      const session = sessionOf(state, req, caller);
      if (session.status !== 'connected') {
        throw new WasenderError(state.variants.values.not_connected_status, 'Only a connected session can restart.');
      }
      setStatus(state, session, 'connecting', 'restart');
      setStatus(state, session, 'connected');
      res.json({ success: true, message: 'Session restarted' });
    }),
  ];
}

export function ownRoutes(state: State): Route[] {
  const route = sessionRouter(state);
  return [
    route('GET /status', (_req, res, session) => {
      const status = statusText(state, session.status, 'lower', session.id);
      if (state.variants.values.status_envelope === 'wrapped') answer(res, { status });
      else res.json({ status });
    }),
    route('GET /user', { linked: true }, (_req, res, session) => {
      const { phone, device } = session.linked!;
      const id = jidOf(`${phone}:${device}`);
      answer(res, { id, name: nameFor(phone), lid: unlistedLid(phone) });
    }),
  ];
}

const LOG_STATUSES = ['sent', 'failed', 'in_progress'] as const;
const statusQuery = z.looseObject({ status: z.enum(LOG_STATUSES).optional() });

const withoutZone = (at: number): string => new Date(at).toISOString().slice(0, 19).replace('T', ' ');

function logStatus(message: StoredMessage): (typeof LOG_STATUSES)[number] {
  if (message.status === 0) return 'failed';
  return message.status === 1 ? 'in_progress' : 'sent';
}

/** Newest first. */
export function logRoutes(state: State): Route[] {
  return [
    patRoute('GET /whatsapp-sessions/:id/message-logs', (req, res, caller) => {
      const session = sessionOf(state, req, caller);
      const { status } = parseBody(statusQuery, req.query);
      const found = session.messages.filter(
        (message) => message.log && (status === undefined || logStatus(message) === status),
      );
      const at = (place: number): object => {
        const message = found[found.length - 1 - place]!;
        const { to, content, failed, logged } = message.log!;
        return {
          id: message.msgId,
          whatsapp_session_id: session.id,
          to: logged ? to : null,
          content: logged ? JSON.stringify(content) : null,
          status: logStatus(message),
          failed_reason: failed,
          created_at: withoutZone(message.ts),
          updated_at: withoutZone(message.editedTs),
        };
      };
      answer(res, laravelPage(req, state.origin, found.length, at));
    }),
    patRoute('GET /whatsapp-sessions/:id/session-logs', (req, res, caller) => {
      const session = sessionOf(state, req, caller);
      const at = (place: number): object => {
        const { id, event_type, status, at: when } = session.logs[session.logs.length - 1 - place]!;
        return { id, whatsapp_session_id: session.id, event_type, status, occurred_at: withoutZone(when) };
      };
      answer(res, laravelPage(req, state.origin, session.logs.length, at));
    }),
  ];
}

import { z } from 'zod';
import { answer } from '../answers.ts';
import { WasenderError } from '../errors.ts';
import type { Route } from '../http.ts';
import { connect, currentQr, leave, setStatus, spell } from '../linking.ts';
import { parseBody } from '../settings.ts';
import type { State } from '../state.ts';
import { sessionOf } from './sessions.ts';

const connectBody = z.looseObject({
  linkMethod: z.enum(['qr', 'passkey']).default('qr'),
  qr_as_image: z.boolean().default(false),
});

/** Linking a session's phone, behind the personal access token. */
export function linkingRoutes(state: State): Route[] {
  return [
    {
      method: 'post',
      path: '/whatsapp-sessions/:id/connect',
      auth: 'pat',
      body: 'json',
      errorField: 'error',
      handle(req, res, caller) {
        const { linkMethod, qr_as_image } = parseBody(connectBody, req.body);
        const asImage = qr_as_image || req.query['qrAsImage'] === 'true';
        answer(res, connect(state, sessionOf(state, req, caller), linkMethod, asImage));
      },
    },
    {
      method: 'get',
      path: '/whatsapp-sessions/:id/qrcode',
      olderPath: '/whatsapp-sessions/:id/qr-code',
      auth: 'pat',
      errorField: 'error',
      handle(req, res, caller) {
        const asImage = req.query['qrAsImage'] === 'true';
        answer(res, { qrCode: currentQr(state, sessionOf(state, req, caller), asImage) });
      },
    },
    {
      method: 'post',
      path: '/whatsapp-sessions/:id/disconnect',
      auth: 'pat',
      handle(req, res, caller) {
        leave(state, sessionOf(state, req, caller), state.variants.values.after_disconnect);
        answer(res, { status: spell(state, 'disconnected', 'lower'), message: 'Session disconnected' });
      },
    },
    {
      method: 'post',
      path: '/whatsapp-sessions/:id/restart',
      auth: 'pat',
      errorField: 'error',
      handle(req, res, caller) {
        const session = sessionOf(state, req, caller);
        if (session.status !== 'connected') {
          throw new WasenderError(state.variants.values.not_connected_status, 'Only a connected session can restart.');
        }
        setStatus(state, session, 'connecting', 'restart');
        setStatus(state, session, 'connected');
        res.json({ success: true, message: 'Session restarted' });
      },
    },
  ];
}

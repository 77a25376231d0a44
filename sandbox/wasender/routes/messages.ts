import { z } from 'zod';
import { answer } from '../answers.ts';
import { emit } from '../events.ts';
import { forSession, type Route, type SessionRoute } from '../http.ts';
import { getMessage } from '../messages.ts';
import { changeable, resend, send, sendBody } from '../sending.ts';
import { parseBody } from '../settings.ts';
import type { State } from '../state.ts';
import { messageKey } from '../views/message.ts';

const key = z.looseObject({ id: z.string(), remoteJid: z.string(), fromMe: z.boolean() });
const presence = z.looseObject({
  jid: z.string(),
  type: z.enum(['composing', 'recording', 'available', 'unavailable', 'paused']),
  delayMs: z.number().min(0).optional(),
});

/** Sending, changing and reading messages, with a session's key. */
export function messageRoutes(state: State): Route[] {
  const route = (one: Omit<SessionRoute, 'linked'>): Route => forSession({ ...one, linked: true });
  return [
    route({
      method: 'post',
      path: '/send-message',
      bucket: 'send',
      body: 'json',
      handle(req, res, session) {
        const { msgId, jid } = send(state, session, parseBody(sendBody, req.body));
        if (state.variants.values.send_answer === 'data') answer(res, { msgId, jid, status: 'in_progress' });
        else res.json({ success: true, message: 'Message accepted' });
      },
    }),
    route({
      method: 'put',
      path: '/messages/:id',
      body: 'json',
      handle(req, res, session) {
        const { text } = parseBody(z.looseObject({ text: z.string().min(1) }), req.body);
        const message = changeable(state, session, String(req.params['id']));
        Object.assign(message, { content: { conversation: text }, body: text, editedTs: state.shared.clock.now() });
        answer(res, { msgId: message.msgId, jid: message.jid, status: 'in_progress' });
      },
    }),
    route({
      method: 'delete',
      path: '/messages/:id',
      handle(req, res, session) {
        const message = changeable(state, session, String(req.params['id']));
        message.deleted = true;
        emit(state, session, 'messages.delete', { keys: [messageKey(state, session, message)] });
        res.json({ success: true, message: 'Message deleted' });
      },
    }),
    route({
      method: 'get',
      path: '/messages/:id/info',
      handle(req, res, session) {
        const message = getMessage(session, String(req.params['id']));
        answer(res, {
          remoteJid: message.jid,
          id: message.keyId,
          msgId: message.msgId,
          key: messageKey(state, session, message),
          message: message.content,
          messageTimestamp: String(Math.floor(message.ts / 1000)),
          status: message.status,
        });
      },
    }),
    route({
      method: 'post',
      path: '/messages/read',
      body: 'json',
      handle(req, res, session) {
        const body = parseBody(z.looseObject({ key }), req.body);
        getMessage(session, body.key.id);
        answer(res, { status: 'read' });
      },
    }),
    route({
      method: 'post',
      path: '/messages/:id/resend',
      handle(req, res, session) {
        resend(state, session, getMessage(session, String(req.params['id'])));
        res.json({ success: true, message: 'Message is sent again' });
      },
    }),
    route({
      method: 'post',
      path: '/send-presence-update',
      body: 'json',
      handle(req, res) {
        parseBody(presence, req.body);
        res.json({ success: true, message: 'Presence updated' });
      },
    }),
  ];
}

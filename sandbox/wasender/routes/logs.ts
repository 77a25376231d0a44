import { z } from 'zod';
import { answer } from '../answers.ts';
import type { Route } from '../http.ts';
import { parseBody } from '../settings.ts';
import type { State } from '../state.ts';
import type { StoredMessage } from '../types.ts';
import { laravelPage } from '../views/page.ts';
import { sessionOf } from './sessions.ts';

const LOG_STATUSES = ['sent', 'failed', 'in_progress'] as const;
const statusQuery = z.looseObject({ status: z.enum(LOG_STATUSES).optional() });

const withoutZone = (at: number): string => new Date(at).toISOString().slice(0, 19).replace('T', ' ');

function logStatus(message: StoredMessage): (typeof LOG_STATUSES)[number] {
  if (message.status === 0) return 'failed';
  return message.status === 1 ? 'in_progress' : 'sent';
}

/** What a session sent and went through, newest first. */
export function logRoutes(state: State): Route[] {
  return [
    {
      method: 'get',
      path: '/whatsapp-sessions/:id/message-logs',
      auth: 'pat',
      handle(req, res, caller) {
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
      },
    },
    {
      method: 'get',
      path: '/whatsapp-sessions/:id/session-logs',
      auth: 'pat',
      handle(req, res, caller) {
        const session = sessionOf(state, req, caller);
        const at = (place: number): object => {
          const { id, event_type, status, at: when } = session.logs[session.logs.length - 1 - place]!;
          return { id, whatsapp_session_id: session.id, event_type, status, occurred_at: withoutZone(when) };
        };
        answer(res, laravelPage(req, state.origin, session.logs.length, at));
      },
    },
  ];
}

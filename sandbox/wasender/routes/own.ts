import { answer } from '../answers.ts';
import { forSession, type Route } from '../http.ts';
import { spell } from '../linking.ts';
import { jidOf, strangerLid } from '../peer.ts';
import type { State } from '../state.ts';
import { nameFor } from '../../unipile/people.ts';

/** What a session's key tells about the session itself. */
export function ownRoutes(state: State): Route[] {
  return [
    forSession({
      method: 'get',
      path: '/status',
      handle(_req, res, session) {
        const status = spell(state, session.status, 'lower', session.id);
        if (state.variants.values.status_envelope === 'wrapped') answer(res, { status });
        else res.json({ status });
      },
    }),
    forSession({
      method: 'get',
      path: '/user',
      linked: true,
      handle(_req, res, session) {
        const { phone, device } = session.linked!;
        const id = jidOf(`${phone}:${device}`);
        answer(res, { id, name: nameFor(phone), lid: strangerLid(phone) });
      },
    }),
  ];
}

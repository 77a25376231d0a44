import { createPendingEvents } from '../world/pending-events.ts';
import type { Session, State } from './state.ts';

type SavedSession = Omit<Session, 'pairing' | 'pendingEvents' | 'openCalls'>;

/** A state as plain data. A pairing under way is over: its code is not valid after a restart. */
export type SavedState = Pick<State, 'published' | 'media' | 'nextId' | 'nextMsgId'> & { sessions: SavedSession[] };

export function saveState({ sessions, published, media, nextId, nextMsgId }: State): SavedState {
  const saved = [...sessions.values()].map(({ pairing, pendingEvents: _events, openCalls: _calls, ...session }) => ({
    ...session,
    status: pairing ? ('disconnected' as const) : session.status,
  }));
  return { sessions: saved, published, media, nextId, nextMsgId };
}

export function restoreState(state: State, { sessions, ...saved }: SavedState): void {
  Object.assign(state, saved);
  for (const one of sessions) {
    const session: Session = { ...one, pairing: null, pendingEvents: createPendingEvents(), openCalls: 0 };
    state.sessions.set(session.id, session);
    state.byKey.set(session.apiKey, session);
  }
}

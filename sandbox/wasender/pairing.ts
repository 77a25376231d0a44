import { randomBytes } from 'node:crypto';
import { WasenderError } from './errors.ts';
import { endLinking, type Linking, type Session, type SessionStatus, type State } from './state.ts';
import { emit } from './webhooks.ts';

import encodeQR from 'qr';

/** Moves a session, logs it and tells its webhook. */
export function setStatus(state: State, session: Session, status: SessionStatus, logged = 'status_change'): void {
  const now = state.shared.clock.now();
  session.status = status;
  session.updatedAt = now;
  session.logs.push({ id: session.logs.length + 1, event_type: logged, status, at: now });
  const { session_status_id } = state.variants.values;
  emit(state, session, 'session.status', { status, ...(session_status_id && { session_id: String(session.id) }) });
  // What was sent while the phone was away arrives now.
  if (status === 'connected') for (const happen of session.missed.splice(0)) happen();
}

/** Starts to link a phone, or says that one is linked: the `data` of a connect. */
export function connect(state: State, session: Session, method: Linking['method'], asImage: boolean): object {
  if (state.variants.values.subscription === 'none') {
    throw new WasenderError(403, 'You do not have an active subscription.', { field: 'error' });
  }
  if (session.linked) {
    if (session.status !== 'connected') setStatus(state, session, 'connected');
    return { status: spell(state, 'connected', 'upper'), message: 'Session is already connected' };
  }
  endLinking(session);
  setStatus(state, session, 'connecting');
  beginLinking(state, session, method);
  const { text, until } = session.linking!;
  if (method === 'passkey') {
    const passkey = { token: text, expires_at: new Date(until).toISOString() };
    emit(state, session, 'passkey.updated', passkey);
    return { status: spell(state, 'need_passkey', 'upper'), passkey };
  }
  return { status: spell(state, 'need_scan', 'upper'), qrCode: shown(text, asImage) };
}

function beginLinking(state: State, session: Session, method: Linking['method']): void {
  const { auto_scan_seconds: auto, link_seconds, passkey_seconds } = state.variants.values;
  const { clock } = state.shared;
  const now = clock.now();
  const linking: Linking = { method, text: '', until: 0, cancelPlans: [] };
  session.linking = linking;
  if (auto !== null) linking.cancelPlans.push(clock.at(now + auto * 1000, () => finishLinking(state, session)));
  if (link_seconds !== null) {
    const lapse = (): void => {
      endLinking(session);
      setStatus(state, session, 'expired');
    };
    linking.cancelPlans.push(clock.at(now + link_seconds * 1000, lapse));
  }
  setStatus(state, session, method === 'passkey' ? 'need_passkey' : 'need_scan');
  if (method === 'qr') return renewQr(state, session, linking);
  linking.text = randomBytes(24).toString('base64url');
  linking.until = now + passkey_seconds * 1000;
}

function renewQr(state: State, session: Session, linking: Linking): void {
  const { qr_seconds, qr_renews } = state.variants.values;
  const { clock } = state.shared;
  const part = (): string => randomBytes(32).toString('base64');
  linking.text = `2@${randomBytes(66).toString('base64')},${part()},${part()},${part()},1`;
  linking.until = clock.now() + qr_seconds * 1000;
  emit(state, session, 'qrcode.updated', { qr: linking.text });
  if (qr_renews) linking.cancelPlans.push(clock.at(linking.until, () => renewQr(state, session, linking)));
}

/** The QR code in force; a lapsed one is replaced. Throws when none was asked for by a connect. */
export function currentQr(state: State, session: Session, asImage: boolean): string {
  const { linking } = session;
  if (linking?.method !== 'qr') {
    throw new WasenderError(422, 'QR code is not available. Connect the session first.', { field: 'error' });
  }
  if (linking.until <= state.shared.clock.now()) renewQr(state, session, linking);
  return shown(linking.text, asImage);
}

const shown = (text: string, asImage: boolean): string => (asImage ? encodeQR(text, 'data-url') : text);

/** The phone has scanned, or the passkey was used. `phone` in digits; without it the session's number. */
export function finishLinking(state: State, session: Session, phone?: string): void {
  endLinking(session);
  session.links++;
  session.linked = {
    phone: phone ?? session.settings.phone_number.replaceAll(/\D/g, ''),
    device: session.links,
    since: state.shared.clock.now(),
  };
  setStatus(state, session, 'connected');
}

/** States in which the phone is no longer linked; in the others it comes back without a scan. */
const UNLINKED: SessionStatus[] = ['disconnected', 'need_scan', 'need_passkey', 'logged_out', 'expired'];

/** Ends or loses the connection, from either side. */
export function leave(state: State, session: Session, status: SessionStatus): void {
  endLinking(session);
  if (UNLINKED.includes(status)) session.linked = null;
  setStatus(state, session, status);
  if (status === 'need_scan') beginLinkingQuietly(state, session);
}

/** A session that asks for a scan by itself has a code to scan. */
function beginLinkingQuietly(state: State, session: Session): void {
  session.linking = { method: 'qr', text: '', until: 0, cancelPlans: [] };
  renewQr(state, session, session.linking);
}

/** A status word in the case that the variants say; `documented` where the documentation shows it. */
export function spell(state: State, status: SessionStatus, documented: 'lower' | 'upper', id = 0): string {
  const { status_case: asked } = state.variants.values;
  const mixed = id % 2 === 1 ? 'upper' : 'lower';
  const chosen = asked === 'documented' ? documented : asked === 'mixed' ? mixed : asked;
  return chosen === 'upper' ? status.toUpperCase() : status;
}

import { randomBytes } from 'node:crypto';
import encodeQR from 'qr';
import { qrCodeText } from '../world/whatsapp.ts';
import { WasenderError } from './errors.ts';
import { endPairing, type Pairing, type Session, type SessionStatus, type State } from './state.ts';
import { emit } from './webhooks.ts';

/** Logs it and sends the event. */
export function setStatus(state: State, session: Session, status: SessionStatus, logged = 'status_change'): void {
  const now = state.shared.clock.now();
  session.status = status;
  session.updatedAt = now;
  session.logs.push({ id: session.logs.length + 1, event_type: logged, status, at: now });
  const { session_status_id } = state.variants.values;
  emit(state, session, 'session.status', { status, ...(session_status_id && { session_id: String(session.id) }) });
  if (status === 'connected') session.pendingEvents.release();
}

/** The `data` of a connect. */
export function connect(state: State, session: Session, method: Pairing['method'], asImage: boolean): object {
  if (state.variants.values.subscription === 'none') {
    throw new WasenderError(403, 'You do not have an active subscription.', { field: 'error' });
  }
  if (session.linked) {
    if (session.status !== 'connected') setStatus(state, session, 'connected');
    return { status: statusText(state, 'connected', 'upper'), message: 'Session is already connected' };
  }
  endPairing(session);
  setStatus(state, session, 'connecting');
  const { qr_delay_seconds: delay } = state.variants.values;
  if (method === 'qr' && delay > 0) {
    const { clock } = state.shared;
    clock.at(clock.now() + delay * 1000, () => {
      if (session.status === 'connecting' && state.sessions.has(session.id)) startPairing(state, session, method);
    });
    return { status: statusText(state, 'connecting', 'upper'), message: 'The session is connecting.' };
  }
  startPairing(state, session, method);
  const { text, until } = session.pairing!;
  if (method === 'passkey') {
    const passkey = { token: text, expires_at: new Date(until).toISOString() };
    emit(state, session, 'passkey.updated', passkey);
    return { status: statusText(state, 'need_passkey', 'upper'), passkey };
  }
  return { status: statusText(state, 'need_scan', 'upper'), qrCode: qrCode(text, asImage) };
}

function startPairing(state: State, session: Session, method: Pairing['method']): void {
  const { auto_scan_seconds: auto, link_seconds, passkey_seconds } = state.variants.values;
  const { clock } = state.shared;
  const now = clock.now();
  const pairing: Pairing = { method, text: '', until: 0, cancelPlans: [] };
  session.pairing = pairing;
  if (auto !== null) pairing.cancelPlans.push(clock.at(now + auto * 1000, () => finishPairing(state, session)));
  if (link_seconds !== null) {
    const lapse = (): void => {
      endPairing(session);
      setStatus(state, session, 'expired');
    };
    pairing.cancelPlans.push(clock.at(now + link_seconds * 1000, lapse));
  }
  setStatus(state, session, method === 'passkey' ? 'need_passkey' : 'need_scan');
  if (method === 'qr') return renewQr(state, session, pairing);
  pairing.text = randomBytes(24).toString('base64url');
  pairing.until = now + passkey_seconds * 1000;
}

function renewQr(state: State, session: Session, pairing: Pairing): void {
  const { qr_seconds, qr_renews } = state.variants.values;
  const { clock } = state.shared;
  pairing.text = qrCodeText();
  pairing.until = clock.now() + qr_seconds * 1000;
  emit(state, session, 'qrcode.updated', { qr: pairing.text });
  if (qr_renews) pairing.cancelPlans.push(clock.at(pairing.until, () => renewQr(state, session, pairing)));
}

/** Replaces a lapsed code. Throws 422 without a connect before. */
export function currentQr(state: State, session: Session, asImage: boolean): string {
  const { pairing } = session;
  if (pairing?.method !== 'qr') {
    throw new WasenderError(422, 'QR code is not available. Connect the session first.', { field: 'error' });
  }
  if (pairing.until <= state.shared.clock.now()) renewQr(state, session, pairing);
  return qrCode(pairing.text, asImage);
}

const qrCode = (text: string, asImage: boolean): string => (asImage ? encodeQR(text, 'data-url') : text);

/** `phone`: digits; absent: the session's number. */
export function finishPairing(state: State, session: Session, phone?: string): void {
  endPairing(session);
  session.timesLinked++;
  session.linked = {
    phone: phone ?? session.settings.phone_number.replaceAll(/\D/g, ''),
    device: session.timesLinked,
    since: state.shared.clock.now(),
  };
  setStatus(state, session, 'connected');
}

/** In these statuses the phone is no longer linked; in the others it reconnects without a scan. */
const UNLINKED: SessionStatus[] = ['disconnected', 'need_scan', 'need_passkey', 'logged_out', 'expired'];

export function disconnect(state: State, session: Session, status: SessionStatus): void {
  endPairing(session);
  if (UNLINKED.includes(status)) session.linked = null;
  setStatus(state, session, status);
  if (status !== 'need_scan') return;
  session.pairing = { method: 'qr', text: '', until: 0, cancelPlans: [] };
  renewQr(state, session, session.pairing);
}

/** In the case of the variants. `documented`: the case in the service's documentation. */
export function statusText(state: State, status: SessionStatus, documented: 'lower' | 'upper', id = 0): string {
  const { status_case: asked } = state.variants.values;
  const mixed = id % 2 === 1 ? 'upper' : 'lower';
  const chosen = asked === 'documented' ? documented : asked === 'mixed' ? mixed : asked;
  return chosen === 'upper' ? status.toUpperCase() : status;
}

import { ProviderFailure } from '../../domain/failures.ts';
import type { LoginProgress, ProviderCall } from '../provider.ts';
import { asObject, field, text, type Json } from './fields.ts';
import { askAccount, dataOf } from './client.ts';
import { segment } from './ids.ts';
import { statusOf, word, type Session } from './account-object.ts';

/** How long a QR text lives, by WASender's documentation. */
const qrLifetimeMs = 45_000;

/**
 * Links a phone to a session: POST …/connect, or a fresh code where one is being waited for already (GET …/qrcode). An
 * answer without a code leaves something to be done on the phone, or comes before the code: a later check shows which.
 */
export async function linkPhone(call: ProviderCall, session: Session): Promise<LoginProgress['next']> {
  const path = `/whatsapp-sessions/${segment(session.id)}`;
  if (session.status === 'need_scan') {
    const fresh = await codeOf(call, path);
    if (fresh) return qr(fresh, call.now);
  }
  const data = asObject(dataOf(await askAccount(call, 'POST', `${path}/connect`, { body: {} })));
  const status = word(text(data, 'status'));
  if (statusOf(status) === 'linked') return { linked: true };
  if (status === 'need_passkey' || field(data, 'passkey')) return onPhone;
  const code = text(data, 'qrCode') ?? (await codeOf(call, path));
  if (code) return qr(code, call.now);
  return status === 'connecting' ? preparing : onPhone;
}

/** Null where there is no code, which WASender says by refusing. */
async function codeOf(call: ProviderCall, path: string): Promise<string | null> {
  try {
    const data: Json | null = asObject(dataOf(await askAccount(call, 'GET', `${path}/qrcode`)));
    return text(data, 'qrCode');
  } catch (error) {
    const refused =
      error instanceof ProviderFailure && ['request_refused', 'unsupported', 'login_lost'].includes(error.code);
    if (refused) return null;
    throw error;
  }
}

const qr = (code: string, now: number): LoginProgress['next'] => ({
  linked: false,
  content: { kind: 'qr', text: code },
  expiresAt: now + qrLifetimeMs,
  canResend: false,
  canTryAnotherWay: false,
});

const waitFor = (what: string): LoginProgress['next'] => ({
  linked: false,
  content: { kind: 'wait', for: what },
  expiresAt: null,
  canResend: false,
  canTryAnotherWay: false,
});

/** Something else than a code is wanted there, such as a passkey. */
const onPhone = waitFor('you to finish the login on your phone');
const preparing = waitFor('WASender to prepare the QR code');

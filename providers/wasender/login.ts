import { ProviderFailure, type FailureCode } from '../../domain/failures.ts';
import type { StepContent } from '../../domain/steps.ts';
import type { AccountView, LoginInput, LoginProgress, ProviderCall } from '../provider.ts';
import { linkPhone } from './login-connect.ts';
import { notFound } from '../shared/account-view.ts';
import { askAccount } from './client.ts';
import { segment } from './ids.ts';
import { phoneFor, sessionBody } from './login-input.ts';
import { beginOnOwnKey, checkByOwnKey } from './login-own-key.ts';
import { fetchSession, sessionFrom, statusOf, type Session } from './account-object.ts';
import { soleSessionKey } from './settings.ts';
import { pointWebhook } from './webhooks-registration.ts';
import { viewWithUser } from './account-view.ts';

/**
 * Makes a session, or takes the one that is known, and links a phone to it. WASender wants a number first: without one
 * nothing is made yet, and the number is asked for. The session's events are sent here only when its keys are about to
 * be kept: earlier events could not be told apart.
 */
export async function begin(call: ProviderCall, input: LoginInput): Promise<LoginProgress> {
  if (soleSessionKey(call.settings)) return beginOnOwnKey(call);
  if (call.providerAccountId) {
    const session = await fetchSession(call, call.providerAccountId);
    return linkSession(call, await unlinkOtherIdentity(call, session, input));
  }
  const phone = phoneFor(input);
  return phone ? linkNew(call, await createSession(call, input, phone)) : askForPhone;
}

/** The number that `begin` asked for. One that WASender refuses may be given again. */
export async function answer(
  call: ProviderCall,
  content: StepContent,
  text: string,
  input: LoginInput = { method: 'qr', credentials: {} },
): Promise<LoginProgress> {
  if (content.kind !== 'phone')
    throw new ProviderFailure('unsupported', 'WASender has no such step: a code is scanned or it is not.');
  const phone = phoneFor({ ...input, credentials: { phone_number: text } });
  if (!phone) throw new ProviderFailure('wrong_answer', 'This cannot be a phone number.');
  const session = await createSession(call, input, phone).catch((error: unknown) => {
    if (is(error, 'request_refused')) throw new ProviderFailure('wrong_answer', error.message);
    throw error;
  });
  return linkNew(call, session);
}

async function createSession(call: ProviderCall, input: LoginInput, phone: string): Promise<Session> {
  const body = sessionBody(input, phone);
  return sessionFrom(await askAccount(call, 'POST', '/whatsapp-sessions', { body }), 'unknown');
}

async function linkSession(call: ProviderCall, session: Session): Promise<LoginProgress> {
  const next = await linkPhone(call, session);
  if (call.webhookAddress) await pointWebhook(call, session, call.webhookAddress);
  return { providerAccountId: session.id, keys: session.keys, next };
}

/** Unlinks another identity's phone: while it is linked, WASender gives no code. */
async function unlinkOtherIdentity(call: ProviderCall, session: Session, input: LoginInput): Promise<Session> {
  if (!input.identity || statusOf(session.status) !== 'linked') return session;
  const { status, identity } = await viewWithUser(call, session);
  if (status !== 'linked' || identity === input.identity) return session;
  await askAccount(call, 'POST', `/whatsapp-sessions/${segment(session.id)}/disconnect`);
  return { ...session, status: 'logged_out' };
}

/** Deletes the session that was just made when its phone cannot be linked. */
async function linkNew(call: ProviderCall, session: Session): Promise<LoginProgress> {
  try {
    return await linkSession(call, session);
  } catch (error) {
    if (!(error instanceof ProviderFailure)) throw error;
    const { code, message, retryAfterMs } = error;
    const path = `/whatsapp-sessions/${segment(session.id)}`;
    const deleted = await askAccount(call, 'DELETE', path).then(Boolean, () => false);
    throw new ProviderFailure(code, message, { effect: deleted ? 'none' : 'unknown', retryAfterMs });
  }
}

const askForPhone: LoginProgress = {
  providerAccountId: null,
  next: { linked: false, content: { kind: 'phone' }, expiresAt: null, canResend: false, canTryAnotherWay: false },
};

export async function check(call: ProviderCall): Promise<AccountView> {
  if (soleSessionKey(call.settings)) return checkByOwnKey(call);
  try {
    return await viewWithUser(call, await fetchSession(call, call.providerAccountId));
  } catch (error) {
    if (is(error, 'not_found')) return notFound;
    throw error;
  }
}

/** Restarts a session that hangs; only one that WASender thinks connected can be. */
export async function restore(call: ProviderCall): Promise<boolean> {
  if (soleSessionKey(call.settings)) return false;
  try {
    await askAccount(call, 'POST', `/whatsapp-sessions/${segment(call.providerAccountId)}/restart`);
    return true;
  } catch (error) {
    if (is(error, 'not_found', 'request_refused', 'login_lost', 'unsupported')) return false;
    throw error;
  }
}

/**
 * Unlinks the phone, so that it no longer shows a linked device, and deletes the session. With a session's key alone
 * neither can be done: the session stays its owner's.
 */
export async function revoke(call: ProviderCall): Promise<void> {
  if (soleSessionKey(call.settings)) return;
  try {
    const path = `/whatsapp-sessions/${segment(call.providerAccountId)}`;
    await askAccount(call, 'POST', `${path}/disconnect`).catch((error: unknown) => {
      if (!is(error, 'request_refused', 'login_lost', 'unsupported')) throw error;
    });
    await askAccount(call, 'DELETE', path);
  } catch (error) {
    if (!is(error, 'not_found')) throw error;
  }
}

const is = (error: unknown, ...codes: FailureCode[]): error is ProviderFailure =>
  error instanceof ProviderFailure && codes.includes(error.code);

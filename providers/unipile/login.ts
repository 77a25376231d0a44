import { parsePhoneNumberFromString } from 'libphonenumber-js';
import { ProviderFailure } from '../../domain/failures.ts';
import { readPhone } from '../../domain/phone.ts';
import type { StepContent } from '../../domain/steps.ts';
import type { AccountView, LoginInput, LoginProgress, ProviderCall } from '../provider.ts';
import { notFound } from '../shared/account-view.ts';
import { viewOf } from './account-view.ts';
import { request } from './client.ts';
import { providerNames, segment } from './ids.ts';
import { progressFrom } from './login-checkpoints.ts';
import { loginBody } from './login-input.ts';
import { beginOnPage } from './login-page.ts';

/** POST /accounts, or POST /accounts/{id} to log in on an account that UniPile already has; or its own login page. */
export async function begin(call: ProviderCall, input: LoginInput): Promise<LoginProgress> {
  if (input.page) return beginOnPage(call, input.page);
  const path = call.providerAccountId ? `/accounts/${segment(call.providerAccountId)}` : '/accounts';
  return progressFrom(await request(call, 'POST', path, loginBody(call.channel, input)), call.now);
}

/** POST /accounts/checkpoint; the answer may be another checkpoint. */
export async function answer(call: ProviderCall, content: StepContent, text: string): Promise<LoginProgress> {
  const code = content.kind === 'phone' ? phoneForm(text) : text.trim();
  return progressFrom(await request(call, 'POST', '/accounts/checkpoint', solution(call, code)), call.now);
}

/** The word that UniPile v1 takes in place of a code to ask for another kind of checkpoint. */
export async function anotherWay(call: ProviderCall): Promise<LoginProgress> {
  return progressFrom(await request(call, 'POST', '/accounts/checkpoint', solution(call, 'TRY_ANOTHER_WAY')), call.now);
}

/** The code again; null where the present checkpoint stays, which UniPile says in two shapes. */
export async function resend(call: ProviderCall): Promise<LoginProgress | null> {
  const { code: _none, ...body } = solution(call, '');
  const said = (await request(call, 'POST', '/accounts/checkpoint/resend', body)) as {
    success?: unknown;
    checkpoint?: unknown;
  };
  if (said.success === false) throw new ProviderFailure('request_refused', 'UniPile did not send the code again.');
  return said.checkpoint ? progressFrom(said, call.now) : null;
}

export async function check(call: ProviderCall): Promise<AccountView> {
  try {
    return viewOf(await request(call, 'GET', `/accounts/${segment(call.providerAccountId)}`));
  } catch (error) {
    if (error instanceof ProviderFailure && error.code === 'not_found') return notFound;
    throw error;
  }
}

/** POST /accounts/{id}/restart; what cannot be restarted answers false. */
export async function restore(call: ProviderCall): Promise<boolean> {
  try {
    const body = await request(call, 'POST', `/accounts/${segment(call.providerAccountId)}/restart`);
    return (body as { object?: string }).object !== 'AccountFailedToRestart';
  } catch (error) {
    if (error instanceof ProviderFailure && (error.code === 'not_found' || error.code === 'unsupported')) return false;
    throw error;
  }
}

export async function revoke(call: ProviderCall): Promise<void> {
  try {
    await request(call, 'DELETE', `/accounts/${segment(call.providerAccountId)}`);
  } catch (error) {
    if (!(error instanceof ProviderFailure && error.code === 'not_found')) throw error;
  }
}

const solution = (call: ProviderCall, code: string) => ({
  provider: providerNames[call.channel],
  account_id: call.providerAccountId,
  code,
});

/** UniPile wants `(+33)0612345678`: the country's calling code, then the number as it is dialled at home. */
function phoneForm(text: string): string {
  const typed = text.trim();
  if (/^\(\+\d{1,3}\)\d{4,14}$/.test(typed)) return typed;
  const number = parsePhoneNumberFromString(readPhone(typed) ?? '');
  if (!number) throw new ProviderFailure('wrong_answer', 'This cannot be a phone number.');
  return `(+${number.countryCallingCode})${number.formatNational().replace(/\D/g, '')}`;
}

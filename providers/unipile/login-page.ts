import { z } from 'zod';
import { ProviderFailure } from '../../domain/failures.ts';
import type { LoginPage, LoginPageReport, LoginProgress, ProviderCall } from '../provider.ts';
import { request } from './client.ts';
import { providerNames } from './ids.ts';
import { baseUrl } from './settings.ts';

/** POST /hosted/accounts/link: a page of UniPile on which the owner logs in, for a new account or a known one. */
export async function beginOnPage(call: ProviderCall, page: LoginPage): Promise<LoginProgress> {
  const target = call.providerAccountId
    ? { type: 'reconnect', reconnect_account: call.providerAccountId }
    : { type: 'create' };
  const answer = await request(call, 'POST', '/hosted/accounts/link', {
    ...target,
    providers: call.channel === 'mail' ? ['GOOGLE', 'OUTLOOK', 'MAIL'] : [providerNames[call.channel]],
    api_url: new URL(baseUrl(call.settings) ?? '').origin,
    expiresOn: new Date(page.expiresAt).toISOString(),
    name: page.name,
    notify_url: page.callbackUrl,
    success_redirect_url: page.successUrl,
    failure_redirect_url: page.failureUrl,
  });
  const { success, data } = z.object({ url: z.url({ protocol: /^https?$/ }) }).safeParse(answer);
  if (!success) throw new ProviderFailure('provider_unavailable', 'UniPile answered no link to its login page.');
  return {
    providerAccountId: call.providerAccountId,
    next: {
      linked: false,
      content: { kind: 'redirect', url: data.url },
      expiresAt: page.expiresAt,
      canResend: false,
      canTryAnotherWay: false,
    },
  };
}

const callback = z.object({ status: z.string(), account_id: z.string().min(1).max(255), name: z.string() });
const ended = new Set(['CREATION_SUCCESS', 'RECONNECTED']);

/** The page's callback, which has a shape of its own. Only its two words of success name an account. */
export function readCallback(body: unknown): LoginPageReport | null {
  const { success, data } = callback.safeParse(body);
  const named = success && ended.has(data.status.toUpperCase());
  return named ? { providerAccountId: data.account_id, login: data.name } : null;
}

import { isAxiosError } from 'axios';
import { ProviderFailure, type FailureCode } from '../../domain/failures.ts';

/** UniPile v1's error slugs whose meaning is more than their status; the list is open, so the status decides else. */
const slugs: Record<string, FailureCode> = {
  missing_api_key: 'provider_key_rejected',
  invalid_api_key: 'provider_key_rejected',
  insufficient_privileges: 'provider_key_rejected',
  missing_credentials: 'provider_key_rejected',
  invalid_credentials: 'wrong_credentials',
  invalid_imap_configuration: 'wrong_credentials',
  invalid_smtp_configuration: 'wrong_credentials',
  invalid_credentials_but_valid_account_imap: 'wrong_credentials',
  expired_credentials: 'login_lost',
  disconnected_account: 'login_lost',
  disconnected_feature: 'login_lost',
  multiple_sessions: 'login_lost',
  wrong_account: 'another_identity',
  account_mismatch: 'another_identity',
  invalid_checkpoint_solution: 'wrong_answer',
  checkpoint_error: 'checkpoint_refused',
  captcha_not_supported: 'checkpoint_refused',
  unknown_authentication_context: 'checkpoint_expired',
  session_mismatch: 'checkpoint_expired',
  authentication_intent_error: 'checkpoint_expired',
  expired_link: 'checkpoint_expired',
  account_restricted: 'account_restricted',
  feature_not_subscribed: 'plan_required',
  insufficient_permissions: 'plan_required',
  connection_limit_reached: 'plan_required',
  invalid_proxy_credentials: 'proxy_refused',
  proxy_error: 'proxy_refused',
  auth_in_progress: 'login_busy',
  too_many_requests: 'rate_limited',
  feature_not_implemented: 'unsupported',
  resource_not_found: 'not_found',
  invalid_resource_identifier: 'not_found',
};

const statuses: Record<number, FailureCode> = {
  401: 'wrong_credentials',
  404: 'not_found',
  407: 'proxy_refused',
  408: 'provider_unavailable',
  409: 'provider_unavailable',
  425: 'login_busy',
  429: 'rate_limited',
  501: 'unsupported',
};

/** Network errors with which the request surely never arrived. */
const neverSent = new Set(['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'EHOSTUNREACH', 'ENETUNREACH']);

/**
 * UniPile's and the network's errors as ours. Nothing of the request or the answer's text is kept: both can hold
 * secrets. `onServerError` is what a 5xx or a lost answer leaves open.
 */
export function toFailure(error: unknown, onServerError: 'none' | 'unknown'): ProviderFailure {
  if (error instanceof ProviderFailure) return error;
  if (!isAxiosError(error))
    return new ProviderFailure('provider_unavailable', 'UniPile could not be asked.', { effect: onServerError });
  const { response } = error;
  if (!response) {
    const effect = neverSent.has(error.code ?? '') ? 'none' : onServerError;
    return new ProviderFailure('provider_unavailable', `UniPile did not answer (${error.code ?? 'network'}).`, {
      effect,
    });
  }
  const slug = slugOf(response.data);
  const status = response.status;
  const rejected = status < 500 && status !== 408 && status !== 409;
  // A redirect is nobody's answer: something stands between us and UniPile.
  const own = status >= 400 && status < 500;
  const code = slugs[slug] ?? statuses[status] ?? (own ? 'request_refused' : 'provider_unavailable');
  return new ProviderFailure(code, `UniPile answered ${status}${slug ? ` (${slug})` : ''}.`, {
    effect: rejected ? 'none' : onServerError,
    retryAfterMs: retryAfter(response.headers['retry-after']),
  });
}

/** The slug after `errors/`, if it is one: nothing else of the body is repeated. */
function slugOf(body: unknown): string {
  const type = (body as { type?: unknown } | null)?.type;
  return typeof type === 'string' ? (/^(?:errors\/)?([a-z0-9_]{1,60})$/.exec(type)?.[1] ?? '') : '';
}

function retryAfter(header: unknown): number | undefined {
  const seconds = Number(header);
  if (typeof header !== 'string' && typeof header !== 'number') return undefined;
  if (Number.isFinite(seconds)) return Math.min(Math.max(seconds, 0), 3600) * 1000;
  const at = Date.parse(String(header));
  return Number.isNaN(at) ? undefined : Math.max(at - Date.now(), 0);
}

import { ProviderFailure, type FailureCode } from '../../domain/failures.ts';
import { codeOfForeignAnswer, effectOf, retryAfterMs } from '../shared/errors.ts';
import type { HttpAnswer } from '../shared/http.ts';

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

const longestWaitMs = 3_600_000;

interface Asked {
  /** What a 5xx or a lost answer leaves open. */
  lost: 'none' | 'unknown';
  /** Whether the call carried an owner's password or code: only then can those be what was wrong. */
  carriesLogin: boolean;
  now: number;
}

/** The failure that an answer tells of; null for a success. Its text is not kept: it can hold secrets. */
export function failureOf(answer: HttpAnswer, { lost, carriesLogin, now }: Asked): ProviderFailure | null {
  const { status, data, headers } = answer;
  if (status >= 200 && status < 300) return null;
  const slug = slugOf(data);
  const code = codeOf(status, slug, data);
  return new ProviderFailure(
    code === 'wrong_credentials' && !carriesLogin ? 'provider_key_rejected' : code,
    `UniPile answered ${status}${slug ? ` (${slug})` : ''}.`,
    { effect: effectOf(status, lost), retryAfterMs: retryAfterMs([headers['retry-after']], now, longestWaitMs) },
  );
}

function codeOf(status: number, slug: string, body: unknown): FailureCode {
  if (Object.hasOwn(slugs, slug)) return slugs[slug] ?? 'unexpected';
  // UniPile does not redirect.
  if (!isOwnError(body) || status < 400) return codeOfForeignAnswer(status);
  // Without a slug a 404 is about the path: a call that UniPile does not have.
  if (status === 404 && !slug) return 'unsupported';
  return statuses[status] ?? (status < 500 ? 'request_refused' : 'provider_unavailable');
}

/** UniPile's errors are RFC 7807 problems that repeat their status; its framework's own repeat it as `statusCode`. */
function isOwnError(body: unknown): boolean {
  const { title, status, statusCode } = (body ?? {}) as Record<string, unknown>;
  return (typeof title === 'string' && typeof status === 'number') || typeof statusCode === 'number';
}

/** The slug after `errors/`, if it is one: nothing else of the body is repeated. */
function slugOf(body: unknown): string {
  const type = (body as { type?: unknown } | null)?.type;
  return typeof type === 'string' ? (/^(?:errors\/)?([a-z0-9_]{1,60})$/.exec(type)?.[1] ?? '') : '';
}

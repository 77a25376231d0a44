import { isAxiosError } from 'axios';
import { ProviderFailure, type FailureCode } from '../../domain/failures.ts';
import { asObject, field, text } from './fields.ts';
import { retryAfterMs } from './retry-after.ts';

/**
 * What WASender's texts mean, first match first: its codes are not published and its failures come under either name,
 * `message` or `error`, so that a text tells more than a status. The texts are never repeated: they can quote input.
 */
const texts: [RegExp, FailureCode][] = [
  [/\broute\b.*\bnot\b/, 'unsupported'],
  [/not (yet |currently )?connected|session is disconnected|no longer connected/, 'login_lost'],
  [/too many|rate limit|slow down/, 'rate_limited'],
  [/subscription|\bplan\b|(session|device)s? limit|limit of sessions/, 'plan_required'],
  [/api key|unnotarized|unauthenticated|unauthori[sz]ed/, 'provider_key_rejected'],
  [/not found|no query results|does not exist/, 'not_found'],
];

const statuses: Record<number, FailureCode> = {
  401: 'provider_key_rejected',
  402: 'plan_required',
  403: 'plan_required',
  404: 'not_found',
  407: 'proxy_refused',
  408: 'provider_unavailable',
  409: 'provider_unavailable',
  425: 'provider_unavailable',
  429: 'rate_limited',
  501: 'unsupported',
};

/** Network errors with which the request surely never arrived. */
const neverSent = new Set(['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'EHOSTUNREACH', 'ENETUNREACH']);

/** What the call was, as far as its failure's meaning hangs on it. */
export interface Asked {
  /** What a 5xx or a lost answer leaves open. */
  onServerError: 'none' | 'unknown';
  /** The context's clock, in milliseconds. */
  now: number;
}

/** An answer of WASender, whatever its code. */
export interface Answered {
  status: number;
  data: unknown;
  headers: Readonly<Record<string, unknown>>;
}

/** Errors of the network as ours. Nothing of the request is kept: it carries a key. */
export function networkFailure(error: unknown, { onServerError }: Asked): ProviderFailure {
  if (error instanceof ProviderFailure) return error;
  const code = isAxiosError(error) ? (error.code ?? 'network') : null;
  return new ProviderFailure(
    'provider_unavailable',
    code ? `WASender did not answer (${code}).` : 'WASender could not be asked.',
    { effect: neverSent.has(code ?? '') ? 'none' : onServerError },
  );
}

/** The failure that an answer tells of; null for a success. A failure may come under 200. */
export function answeredFailure(answer: Answered, { onServerError, now }: Asked): ProviderFailure | null {
  const { status, data, headers } = answer;
  const body = asObject(data);
  if (status >= 200 && status < 300 && field(body, 'success') !== false) return null;
  const code = codeOf(
    status,
    `${text(body, 'message') ?? ''} ${text(body, 'error') ?? ''}`.toLowerCase(),
    body !== null,
  );
  const rejected = status < 500 && status !== 408 && status !== 409;
  const names = wrongFields(field(body, 'errors'));
  return new ProviderFailure(code, `WASender answered ${status} (${code}${names ? `: ${names}` : ''}).`, {
    effect: rejected || code === 'rate_limited' ? 'none' : onServerError,
    ...(code === 'rate_limited' ? { retryAfterMs: retryAfterMs(data, headers, now) } : {}),
  });
}

function codeOf(status: number, words: string, isJson: boolean): FailureCode {
  if (status >= 300 && status < 400) return 'provider_unavailable';
  const [, meant] = texts.find(([pattern]) => pattern.test(words)) ?? [];
  if (meant) return meant;
  // Not even JSON: the answer of something that stands before it, which says nothing of what was asked for.
  if (status === 404 && !isJson) return 'provider_unavailable';
  return statuses[status] ?? (status < 500 ? 'request_refused' : 'provider_unavailable');
}

/** The names of the fields that WASender refuses; their texts are not repeated. */
function wrongFields(errors: unknown): string {
  const names = Object.keys(asObject(errors) ?? {}).filter((name) => /^[a-z_.]{1,40}$/i.test(name));
  return names.slice(0, 5).join(', ');
}

import { ProviderFailure, type FailureCode } from '../../domain/failures.ts';
import { codeOfForeignAnswer, effectOf, retryAfterMs } from '../shared/errors.ts';
import type { HttpAnswer } from '../shared/http.ts';
import { asObject, field, text, type Json } from './fields.ts';

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

/** The longest pause that is taken from an answer: quotas of a day exist. */
const longestWaitMs = 24 * 60 * 60_000;

interface Asked {
  /** What a 5xx or a lost answer leaves open. */
  lost: 'none' | 'unknown';
  now: number;
}

/** The failure that an answer tells of; null for a success. A failure may come under 200. */
export function failureOf(answer: HttpAnswer, { lost, now }: Asked): ProviderFailure | null {
  const { status, data, headers } = answer;
  const body = asObject(data);
  if (status >= 200 && status < 300 && field(body, 'success') !== false) return null;
  const code = codeOf(
    status,
    `${text(body, 'message') ?? ''} ${text(body, 'error') ?? ''}`.toLowerCase(),
    isOwnError(body),
  );
  const names = wrongFields(field(body, 'errors'));
  return new ProviderFailure(code, `WASender answered ${status} (${code}${names ? `: ${names}` : ''}).`, {
    effect: code === 'rate_limited' ? 'none' : effectOf(status, lost),
    ...(code === 'rate_limited' ? { retryAfterMs: retryAfterMs(waits(body, headers), now, longestWaitMs) } : {}),
  });
}

/** The documentation contradicts itself on units; the header is the window's end where nothing says how long to wait. */
const waits = (body: Json | null, headers: HttpAnswer['headers']): unknown[] => [
  field(body, 'retry_after'),
  headers['retry-after'],
  headers['x-ratelimit-reset'],
];

const isOwnError = (body: Json | null): boolean =>
  typeof field(body, 'success') === 'boolean' || text(body, 'message') !== null || text(body, 'error') !== null;

function codeOf(status: number, words: string, isOwn: boolean): FailureCode {
  if (!isOwn || (status >= 300 && status < 400)) return codeOfForeignAnswer(status);
  const [, meant] = texts.find(([pattern]) => pattern.test(words)) ?? [];
  if (meant) return meant;
  return statuses[status] ?? (status < 500 ? 'request_refused' : 'provider_unavailable');
}

function wrongFields(errors: unknown): string {
  const names = Object.keys(asObject(errors) ?? {}).filter((name) => /^[a-z_.]{1,40}$/i.test(name));
  return names.slice(0, 5).join(', ');
}

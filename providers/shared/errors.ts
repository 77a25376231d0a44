import { ProviderFailure } from '../../domain/failures.ts';

/** Network errors with which the request surely never arrived. */
const neverSent = new Set(['ENOTPUBLIC', 'ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'EHOSTUNREACH', 'ENETUNREACH']);

/**
 * `lost` is what a lost answer leaves open. All errors have one text: a tenant that sets an address must not learn whether
 * a port is open. Only the code is kept, for operators: other fields hold the request with its keys.
 */
export function networkFailure(title: string, error: unknown, lost: 'none' | 'unknown'): ProviderFailure {
  const found = error instanceof Error && 'code' in error ? String(error.code) : '';
  const networkCode = /^[A-Z_]{1,40}$/.test(found) ? found : 'network';
  const effect = neverSent.has(networkCode) ? 'none' : lost;
  return new ProviderFailure('provider_unavailable', `${title} did not answer.`, { effect, networkCode });
}

/** For answers that are not the provider's own (a proxy's, a firewall's): these say nothing about keys, logins or plans. */
export const codeOfForeignAnswer = (status: number): 'rate_limited' | 'provider_unavailable' =>
  status === 429 ? 'rate_limited' : 'provider_unavailable';

/** What a failed answer of this status leaves open. Below 500 it is a refusal, but for a timeout and a conflict. */
export const effectOf = (status: number, lost: 'none' | 'unknown'): 'none' | 'unknown' =>
  status < 500 && status !== 408 && status !== 409 ? 'none' : lost;

/** No wait is this many seconds, and no present time is less: tells the two apart. */
const timesBegin = 1_000_000_000;

/**
 * How long a provider asks to wait, in milliseconds from `now`: the first of `values` (fields and headers) that can be
 * read. Each may be seconds, a Unix time in seconds or milliseconds, or an HTTP date. Undefined where none can.
 */
export function retryAfterMs(values: readonly unknown[], now: number, longestMs: number): number | undefined {
  for (const value of values) {
    const said = readTime(value);
    if (said !== null) return Math.min(Math.max(fromNow(said, now), 0), longestMs);
  }
  return undefined;
}

function fromNow(said: number, now: number): number {
  if (said < timesBegin) return Math.ceil(said * 1000);
  return (said < timesBegin * 1000 ? said * 1000 : said) - now;
}

/** A number, also as text; an HTTP date becomes its Unix time in seconds. */
function readTime(value: unknown): number | null {
  if (typeof value === 'number') return value;
  if (typeof value !== 'string' || value.trim() === '') return null;
  const seconds = Number.isNaN(Number(value)) ? Date.parse(value) / 1000 : Number(value);
  return Number.isNaN(seconds) ? null : seconds;
}

/** The answer, or null where the provider does not know what was asked for. */
export async function orNullIfUnknown<T>(answer: Promise<T>): Promise<T | null> {
  try {
    return await answer;
  } catch (error) {
    if (error instanceof ProviderFailure && error.code === 'not_found') return null;
    throw error;
  }
}

/** The answer of a call that leaves nothing behind which counts: it may be repeated, whatever its failure. */
export async function withoutEffect<T>(answer: Promise<T>): Promise<T> {
  try {
    return await answer;
  } catch (error) {
    if (!(error instanceof ProviderFailure) || error.effect === 'none') throw error;
    const { code, message, retryAfterMs, networkCode } = error;
    throw new ProviderFailure(code, message, { retryAfterMs, networkCode });
  }
}

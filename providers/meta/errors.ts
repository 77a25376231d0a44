import { failureRow, ProviderFailure, type FailureCode } from '../../domain/failures.ts';
import { asObject, type JsonObject } from '../json-object.ts';
import { codeOfForeignAnswer, effectOf, retryAfterMs } from '../shared/errors.ts';
import type { HttpAnswer } from '../shared/http.ts';
import { ruleOf, type GraphRule } from './error-rules.ts';

const longestWaitMs = 24 * 60 * 60_000;

/** An error of the Graph API, by its numbers: decide on these, never on its text or HTTP status. */
export interface GraphError {
  code: number;
  subcode: number | null;
}

/** A failure that the Graph API told of; `graph` is null where the answer was not its own. */
export class GraphFailure extends ProviderFailure {
  readonly graph: GraphError | null;

  constructor(
    code: FailureCode,
    detail: string,
    graph: GraphError | null,
    more: ConstructorParameters<typeof ProviderFailure>[2],
  ) {
    super(code, detail, more);
    this.name = 'ProviderFailure';
    this.graph = graph;
  }
}

/** Whether a failure is one of these errors: each a code, or `code/subcode`. */
export const isGraphError = (error: unknown, ...codes: (number | string)[]): error is GraphFailure =>
  error instanceof GraphFailure &&
  error.graph !== null &&
  codes.some((one) => one === error.graph?.code || one === `${error.graph?.code}/${error.graph?.subcode}`);

interface Asked {
  /** What a lost answer leaves open. */
  lost: 'none' | 'unknown';
  /** `app`: the call was made with the app's own secret. `code`: it also brought an owner's code. */
  by: 'account' | 'app' | 'code';
  now: number;
  /** Until when the usage headers of this answer ask to wait, in milliseconds since the epoch. */
  blockedUntil?: number | null;
}

/** The failure that an answer tells of; null for a success. Its text is not kept: it can quote tokens and names. */
export function failureOf(answer: HttpAnswer, asked: Asked): GraphFailure | null {
  const { status, data } = answer;
  const error = errorIn(asObject(data));
  if (error) return ownFailure(error, answer, asked);
  if (status >= 200 && status < 300) return null;
  const code = codeOfForeignAnswer(status);
  return new GraphFailure(code, `Meta answered ${status}.`, null, {
    effect: effectOf(status, asked.lost),
    ...(code === 'rate_limited' && { retryAfterMs: waitOf(answer, asked) }),
  });
}

interface ToldError extends GraphError {
  isTransient: boolean;
}

/** The envelope, or Instagram's own shape at the exchange of a code. */
function errorIn(body: JsonObject | null): ToldError | null {
  const error = asObject(body?.['error']);
  const code = numberIn(error?.['code']);
  if (error)
    return { code: code ?? 1, subcode: numberIn(error['error_subcode']), isTransient: error['is_transient'] === true };
  const isOld = typeof body?.['error_type'] === 'string' && typeof body['error_message'] === 'string';
  return isOld ? { code: 100, subcode: null, isTransient: false } : null;
}

const numberIn = (value: unknown): number | null => {
  const number = typeof value === 'string' && /^\d{1,9}$/.test(value) ? Number(value) : value;
  return typeof number === 'number' && Number.isSafeInteger(number) ? number : null;
};

function ownFailure(error: ToldError, answer: HttpAnswer, asked: Asked): GraphFailure {
  const { code: number, subcode } = error;
  const rule = decide(error, answer.status);
  const code = codeFor(rule.code, number, asked.by);
  const { action } = failureRow(code);
  const numbers = subcode === null ? String(number) : `${number}, subcode ${subcode}`;
  return new GraphFailure(
    code,
    `Meta answered error ${numbers}${rule.says ? `: ${rule.says}` : ''}.`,
    { code: number, subcode },
    {
      effect: rule.leaves === 'open' ? asked.lost : 'none',
      ...(action === 'wait' || rule.waitMs !== undefined ? { retryAfterMs: waitOf(answer, asked, rule.waitMs) } : {}),
    },
  );
}

/** A flag of passing trouble counts where the numbers do not say what else to do. */
function decide({ code, subcode, isTransient }: ToldError, status: number): GraphRule {
  const rule = ruleOf(code, subcode);
  const decides = rule && failureRow(rule.code).action !== 'give_up';
  if (isTransient && !decides) return { code: 'provider_unavailable', says: 'it may pass', leaves: 'open' };
  if (rule) return rule;
  return status >= 500 ? { code: 'provider_unavailable', leaves: 'open' } : { code: 'request_refused' };
}

/** Whose key was refused depends on whose it was; an owner's code is refused as any parameter is. */
function codeFor(code: FailureCode, number: number, by: Asked['by']): FailureCode {
  if (by === 'account') return code;
  if (by === 'code' && (number === 100 || code === 'request_refused')) return 'wrong_answer';
  return code === 'login_lost' ? 'provider_key_rejected' : code;
}

function waitOf({ headers }: HttpAnswer, { now, blockedUntil }: Asked, usualMs?: number): number | undefined {
  if (blockedUntil && blockedUntil > now) return Math.min(blockedUntil - now, longestWaitMs);
  return retryAfterMs([headers['retry-after']], now, longestWaitMs) ?? usualMs;
}

import { randomBytes } from 'node:crypto';
import { ApiError, type ErrorFormat } from '../server/errors.ts';
import type { MetaVariants } from './variants.ts';

export interface ErrorDetails {
  subcode?: number | undefined;
  type?: string;
  isTransient?: boolean;
  title?: string;
  userMessage?: string;
  /** WhatsApp's `error_data.details`. */
  details?: string;
  /** The HTTP status, where it is another one than the code's. */
  status?: number | undefined;
}

/** An answer in the Graph API's envelope. */
export class MetaError extends ApiError {
  readonly code: number;
  readonly details: ErrorDetails;
  constructor(code: number, message: string, details: ErrorDetails = {}) {
    super(details.status ?? 400, message);
    this.code = code;
    this.details = details;
  }
}

export const invalidParameter = (text: string, subcode?: number): MetaError =>
  new MetaError(100, `(#100) ${text}`, { subcode });

/** Meta says the same of a node that does not exist and of one that the token may not see. */
export const noObject = (method: string, id: string): MetaError =>
  new MetaError(
    100,
    `Unsupported ${method.toLowerCase()} request. Object with ID '${id}' does not exist, cannot be loaded due to missing ` +
      'permissions, or does not support this operation',
    { subcode: 33, type: 'GraphMethodException' },
  );

export const noPermission = (scope: string): MetaError =>
  new MetaError(200, `(#200) Requires ${scope} permission to manage the object`);

/** The code that a client meets most often in each class, with words that resemble Meta's. */
const WORDS: Record<number, string> = {
  0: 'AuthException',
  1: 'An unknown error occurred',
  2: 'Service temporarily unavailable',
  3: 'Application does not have the capability to make this API call.',
  4: 'Application request limit reached',
  10: 'Application does not have permission for this action',
  17: 'User request limit reached',
  32: 'Page request limit reached',
  33: 'This object does not exist or does not support this action',
  102: 'Session key invalid or no longer valid',
  104: 'Incorrect signature',
  190: 'Error validating access token',
  200: 'Permissions error',
  341: 'Application limit reached',
  368: 'The action attempted has been deemed abusive or is otherwise disallowed',
  551: "This person isn't available right now.",
  613: 'Calls to this api have exceeded the rate limit.',
  803: 'Some of the aliases you requested do not exist',
  80001: 'There have been too many calls to this Page account',
  80002: 'There have been too many calls to this Instagram account',
  80006: 'There have been too many calls to this Messenger account',
  80007: 'There have been too many calls to this WhatsApp Business account',
  80008: 'There have been too many calls to this WhatsApp Business account',
  130429: 'Rate limit hit',
  131026: 'Message undeliverable',
  131047: 'Re-engagement message',
  131048: 'Spam rate limit hit',
  131056: '(Business Account, Consumer Account) pair rate limit hit',
};

const TRANSIENT = new Set([1, 2, 131000, 131016, 133004, 131057]);

/** The HTTP statuses of WhatsApp's table; elsewhere almost everything is 400. */
function documentedStatus(code: number): number {
  if (code === 0 || code === 190) return 401;
  if (code === 3 || code === 10 || (code >= 200 && code <= 299) || code === 131005) return 403;
  if (code === 1 || code === 131000) return 500;
  if (code === 2 || code === 131016) return 503;
  return 400;
}

const failure =
  (code: number, words: string, details: ErrorDetails = {}) =>
  (detail?: string): MetaError =>
    new MetaError(code, detail ?? words, details);

export const errorFormat = (variants: MetaVariants): ErrorFormat<MetaError> => ({
  failures: {
    route_not_found: (detail = 'Route') => new MetaError(2500, `Unknown path components: ${detail}`),
    body_too_large: failure(100, '(#100) The request is too large', { status: 413 }),
    body_not_json: failure(100, '(#100) The body is not JSON'),
    form_invalid: failure(100, '(#100) The form is wrong'),
    form_expected: failure(100, '(#100) A form is expected'),
    unexpected: failure(2, 'An unexpected error has occurred. Please retry your request later.', {
      isTransient: true,
      status: 500,
    }),
    timeout: failure(2, 'Service temporarily unavailable', { isTransient: true, status: 504 }),
  },
  tooManyRequests: () => new MetaError(4, '(#4) Application request limit reached', { isTransient: true }),
  chosen: ({ code, subcode, message, status }) =>
    new MetaError(code, message ?? `(#${code}) ${WORDS[code] ?? 'The request failed'}`, {
      subcode,
      status,
      ...(TRANSIENT.has(code) && { isTransient: true }),
    }),
  write({ status, code, message, details }, res) {
    const { type = 'OAuthException', subcode, isTransient, title, userMessage, details: data } = details;
    const own = details.status ?? (variants.error_status === 'documented' ? documentedStatus(code) : status);
    res.status(own).json({
      error: {
        message,
        type,
        code,
        ...(subcode !== undefined && { error_subcode: subcode }),
        ...(isTransient !== undefined && { is_transient: isTransient }),
        ...(title !== undefined && { error_user_title: title }),
        ...(userMessage !== undefined && { error_user_msg: userMessage }),
        ...(data !== undefined && { error_data: { messaging_product: 'whatsapp', details: data } }),
        fbtrace_id: `A${randomBytes(8).toString('base64url')}`,
      },
    });
  },
});

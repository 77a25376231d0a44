import { ApiError, type ErrorFormat } from '../server/errors.ts';
import type { UnipileVariants } from './variants.ts';

/** By the word in `type`: HTTP status and title. */
const ERRORS = {
  content_too_large: [400, 'Content too large'],
  invalid_action: [400, 'Invalid action'],
  invalid_body: [400, 'Invalid body'],
  invalid_parameters: [400, 'Invalid parameters'],
  limit_too_high: [400, 'Limit too high'],
  malformed_request: [400, 'Malformed request'],
  missing_parameters: [400, 'Missing parameters'],
  too_many_characters: [400, 'Too many characters'],
  checkpoint_error: [401, 'Checkpoint error'],
  disconnected_account: [401, 'Account disconnected'],
  expired_link: [401, 'Expired link'],
  invalid_checkpoint_solution: [401, 'Invalid checkpoint solution'],
  invalid_credentials: [401, 'Invalid credentials'],
  // The words for a missing or wrong API key are not established; these are the sandbox's own.
  invalid_api_key: [401, 'Invalid API key'],
  missing_api_key: [401, 'Missing API key'],
  account_mismatch: [403, 'Account mismatch'],
  insufficient_permissions: [403, 'Insufficient permissions'],
  unknown_authentication_context: [403, 'Unknown authentication context'],
  resource_not_found: [404, 'Resource not found'],
  unsupported_media_type: [415, 'Unsupported media type'],
  invalid_recipient: [422, 'Invalid recipient'],
  auth_in_progress: [425, 'Authentication in progress'],
  too_many_requests: [429, 'Too many requests'],
  unexpected_error: [500, 'Unexpected error'],
  feature_not_implemented: [501, 'Feature not implemented'],
  request_timeout: [504, 'Request timeout'],
} as const satisfies Record<string, readonly [status: number, title: string]>;
type ErrorWord = keyof typeof ERRORS;

export class UnipileError extends ApiError {
  readonly word: ErrorWord;
  readonly title: string;
  constructor(word: ErrorWord, detail?: string) {
    const [status, title] = ERRORS[word];
    super(status, detail ?? title);
    this.word = word;
    this.title = title;
  }
}

export const invalid = (detail: string): UnipileError => new UnipileError('invalid_parameters', detail);
export const notFound = (what: string): UnipileError => new UnipileError('resource_not_found', `${what} not found.`);
export const disconnected = (): UnipileError =>
  new UnipileError('disconnected_account', 'The account needs a new login.');
export const notImplemented = (what: string): UnipileError => new UnipileError('feature_not_implemented', what);

const failure =
  (word: ErrorWord) =>
  (detail?: string): UnipileError =>
    new UnipileError(word, detail);

export const errorFormat = (variants: UnipileVariants): ErrorFormat<UnipileError> => ({
  failures: {
    route_not_found: (detail = 'Route') => notFound(detail),
    body_too_large: failure('content_too_large'),
    body_not_json: failure('malformed_request'),
    form_invalid: failure('invalid_parameters'),
    form_expected: failure('unsupported_media_type'),
    unexpected: failure('unexpected_error'),
    timeout: failure('request_timeout'),
  },
  tooManyRequests: () => new UnipileError('too_many_requests'),
  write({ status, word, title, message }, res) {
    const { retry_after_seconds: retryAfter } = variants;
    if (status === 429 && retryAfter !== null) res.setHeader('retry-after', retryAfter);
    res.status(status).json({ title, type: `errors/${word}`, status, detail: message });
  },
});

/** Every code an error of the API can carry, with its status, its title and what usually helps. */
const problems = {
  malformed_request: [400, 'The request cannot be read', 'Send valid JSON and a valid address.'],
  unauthorized: [401, 'No valid API key', 'Send the header Authorization: Bearer <API key>.'],
  missing_scope: [403, 'The key may not do this', 'Use a key that has the scope.'],
  wrong_proof: [
    403,
    'The webhook does not carry the right secret',
    'Send the secret that was registered with the webhook.',
  ],
  foreign_origin: [
    403,
    'A web page may not use a key here',
    'Have your server make a ticket with POST /api/v1/realtime-tickets, and connect with it.',
  ],
  not_found: [404, 'Not found', 'Check the address and the id; an id of another tenant is unknown here.'],
  no_picture: [404, 'No picture', 'Show the name of the person in place of it.'],
  attachment_unavailable: [410, 'The file cannot be had any more', 'Show the name of the file in place of it.'],
  resync: [
    410,
    'Events after this place are not kept any more',
    'Take after=now, read what you keep of accounts, contacts and conversations anew, then go on from there.',
  ],
  range_not_satisfiable: [416, 'The file has no such part', 'Ask for bytes within the size of Content-Range.'],
  method_not_allowed: [405, 'Method not allowed', 'Use a method of the Allow header.'],
  account_merged: [409, 'The account was merged into another', 'Use the account named by merged_into.'],
  contact_merged: [409, 'The contact was merged into another', 'Use the contact named by merged_into.'],
  conversation_read_only: [409, 'The conversation takes no messages', 'Write to another conversation.'],
  window_closed: [
    409,
    'The person has not written for too long',
    'Send what capabilities name as the way out, or wait until the person writes.',
  ],
  send_ended: [409, 'The message is not waiting to be sent', 'Read the message for its status.'],
  send_in_progress: [409, 'The message is being sent', 'Read the message until its status changes.'],
  storage_full: [
    409,
    'Your files take as much as they may',
    'Files go with the last message that has them, unused uploads after a day; the operator sets the limit.',
  ],
  sync_ended: [409, 'The sync has ended', 'Start a new one with POST /api/v1/accounts/{id}/syncs.'],
  event_too_old: [409, 'The event has no body any more', 'Raw data is kept for RAW_RETENTION_DAYS only.'],
  account_of_yours: [409, 'The number is an account of yours', 'Disconnect the account with purge first.'],
  too_many_operations: [409, 'Too many bulk operations are open', 'Wait until one has ended, or cancel one.'],
  operation_ended: [409, 'The operation is not in a state for this', 'Read the operation for its state.'],
  export_gone: [410, 'The files of the export are not kept any more', 'Start another export.'],
  erasure_running: [409, 'The erasure is still running', 'Read it until its state is done.'],
  account_connected: [409, 'The account works', 'Send "force": true to log in again all the same.'],
  sending_stopped: [409, 'Sending is stopped', 'Read GET /api/v1/tenant/sending: it says why, and what lets it go on.'],
  nothing_asked: [409, 'Nothing is asked of the owner', 'Read the account: reminders come while its who is owner.'],
  account_not_connected: [409, 'The account is not connected', 'Reconnect the account first.'],
  answer_in_flight: [409, 'An answer is being checked', 'Read the attempt until its step changes.'],
  stale_step: [409, 'The step is no longer current', 'Read the attempt and answer the step it names.'],
  step_takes_no_answer: [409, 'The step takes no answer', 'Follow the instructions of the step.'],
  attempt_ended: [409, 'The attempt has ended', 'Begin a new one with POST /api/v1/accounts/{id}/reconnect.'],
  request_in_progress: [409, 'The same request is still running', 'Send it again after the pause, with the same key.'],
  too_slow: [408, 'The request came too slowly', 'Send the whole request within 30 seconds.'],
  too_large: [413, 'The body is too large', 'Send less at once.'],
  unsupported_type: [
    415,
    'The content type is not supported',
    'Send JSON with the header Content-Type: application/json.',
  ],
  unsupported_encoding: [415, 'The encoding is not supported', 'Send the body uncompressed, as JSON in UTF-8.'],
  invalid_request: [422, 'The request is not valid', 'Correct the fields that the detail names.'],
  invalid_credentials_shape: [422, 'The credentials cannot be used', 'Send what the detail asks for.'],
  invalid_settings: [422, 'The settings cannot be used', 'Send what the detail asks for.'],
  unsupported: [422, 'Not supported', 'Choose what is supported.'],
  cannot_resend: [422, 'The step cannot be sent again', 'Read can_resend of the step first.'],
  cannot_try_another_way: [422, 'The step has no other way', 'Read can_try_another_way of the step first.'],
  upgrade_required: [426, 'This address is a WebSocket', 'Connect to it with a WebSocket client.'],
  headers_too_large: [431, 'The headers are too large', 'Send fewer or shorter headers.'],
  idempotency_key_reused: [422, 'The Idempotency-Key was used for another request', 'Use a new key for a new request.'],
  attempt_budget_spent: [429, 'Too many logins of this account', 'Wait: more logins could get the account banned.'],
  rate_limited: [429, 'Too many requests', 'Wait for the seconds of the Retry-After header.'],
  unexpected: [500, 'Something went wrong here', 'Try again; if it lasts, give the operator the request_id.'],
  provider_not_configured: [
    503,
    'The provider is not configured',
    'Set its credentials: PUT /api/v1/providers/{provider}.',
  ],
  provider_unavailable: [503, 'The provider does not answer', 'Nothing was changed. Try again in a moment.'],
  database_busy: [503, 'The database could not do this now', 'Nothing was changed. Send it again after the pause.'],
  too_many_unread: [503, 'Too many answers are not read yet', 'Read the answers that are under way first.'],
  database_unavailable: [503, 'The database does not answer', 'Nothing was lost. Try again in a moment.'],
} as const satisfies Record<string, readonly [status: number, title: string, fix: string]>;

export type ProblemCode = keyof typeof problems;

export const problemCodes = Object.keys(problems) as [ProblemCode, ...ProblemCode[]];

/** What is wrong with one field of the input; `message` is the rest of a sentence about it. */
export interface FieldError {
  field: string;
  message: string;
}

/** The field that a detail such as `answer: must not be empty.` is about. */
function fieldErrorsOf(status: number, detail: string): FieldError[] | undefined {
  const named = status === 422 ? /^([\w.-]{1,100}): (.+)$/s.exec(detail) : null;
  return named ? [{ field: named[1] ?? '', message: named[2] ?? '' }] : undefined;
}

/** An error that callers see. `detail` holds nothing of ours or of another tenant; `retryAfter` is in seconds. */
export class Problem extends Error {
  readonly code: ProblemCode;
  readonly status: number;
  readonly fix: string;
  readonly headers: Readonly<Record<string, string>>;
  /** Of a problem about the input: its wrong fields. */
  readonly errors: readonly FieldError[] | undefined;

  constructor(
    code: ProblemCode,
    detail: string = problems[code][1],
    more: {
      fix?: string;
      retryAfter?: number;
      headers?: Record<string, string>;
      errors?: readonly FieldError[];
    } = {},
  ) {
    super(detail);
    this.name = 'Problem';
    this.code = code;
    this.status = problems[code][0];
    this.fix = more.fix ?? problems[code][2];
    this.errors = more.errors ?? fieldErrorsOf(this.status, detail);
    this.headers = {
      ...more.headers,
      ...(more.retryAfter === undefined ? {} : { 'retry-after': String(Math.max(1, Math.ceil(more.retryAfter))) }),
    };
  }
}

/** What goes over the wire, RFC 9457. */
export const problemBody = (problem: Problem, requestId: string) => ({
  type: `urn:patchbay:problem:${problem.code}`,
  title: problems[problem.code][1],
  status: problem.status,
  code: problem.code,
  detail: problem.message,
  fix: problem.fix,
  request_id: requestId,
  ...(problem.errors ? { errors: problem.errors } : {}),
});

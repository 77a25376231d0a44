import type { Who } from './accounts.ts';

type FailureAction = 'retry' | 'wait' | 'reconnect' | 'ask_again' | 'give_up';

interface FailureRow {
  action: FailureAction;
  who: Who;
  whatToDo: string;
}

/** Every failure. Providers map their errors to these at their edge; all other code reads only this table. */
export const failures = {
  provider_unavailable: {
    action: 'retry',
    who: 'nobody',
    whatToDo: 'The provider is not answering. Patchbay keeps trying; start again if the attempt has ended.',
  },
  rate_limited: { action: 'wait', who: 'nobody', whatToDo: 'The provider asked for a pause. Patchbay waits it out.' },
  login_busy: {
    action: 'wait',
    who: 'nobody',
    whatToDo: 'Another login of this identity is running at the provider. Patchbay waits for it to end.',
  },
  wrong_credentials: { action: 'give_up', who: 'owner', whatToDo: 'Check user name and password, then start again.' },
  wrong_answer: { action: 'ask_again', who: 'owner', whatToDo: 'Check the code and enter it again.' },
  checkpoint_expired: {
    action: 'give_up',
    who: 'owner',
    whatToDo: 'The provider closed this login because it took too long. Start again.',
  },
  checkpoint_refused: {
    action: 'give_up',
    who: 'owner',
    whatToDo: 'The provider refused the checkpoint. Log in with the app once, then start again.',
  },
  too_many_wrong_answers: {
    action: 'give_up',
    who: 'owner',
    whatToDo: 'Wait some minutes, then start again with a fresh code.',
  },
  webhooks_missed: {
    action: 'give_up',
    who: 'nobody',
    whatToDo:
      'Webhooks do not bring all messages. Patchbay reads them and registers its webhook anew; if that lasts, check that PUBLIC_URL can be reached.',
  },
  login_lost: { action: 'reconnect', who: 'owner', whatToDo: 'Log in again: reconnect the account.' },
  token_expiring: {
    action: 'give_up',
    who: 'owner',
    whatToDo:
      'The permission that the owner gave ends soon, and the provider does not renew it. Until then everything works: have the owner reconnect the account.',
  },
  token_expired: {
    action: 'reconnect',
    who: 'owner',
    whatToDo: 'The permission that the owner gave has ended. Log in again: reconnect the account.',
  },
  not_connected: {
    action: 'give_up',
    who: 'owner',
    whatToDo: 'The account is not connected: reconnect it first.',
  },
  account_gone: {
    action: 'reconnect',
    who: 'owner',
    whatToDo: 'The account no longer exists at the provider. Reconnect it to log in anew.',
  },
  account_restricted: {
    action: 'give_up',
    who: 'owner',
    whatToDo: 'The service restricted this account. Resolve it in its own app, then reconnect.',
  },
  owner_check_required: {
    action: 'reconnect',
    who: 'owner',
    whatToDo: 'The service asks the owner for a check. Open its app or web page, pass the check, then reconnect.',
  },
  permission_missing: {
    action: 'reconnect',
    who: 'owner',
    whatToDo: 'A permission is missing. Reconnect with a person who may give it, and give every permission asked for.',
  },
  no_page: {
    action: 'give_up',
    who: 'owner',
    whatToDo:
      'The login has no Page that may be connected. Choose a Page in the login, with a role that may write messages, then start again.',
  },
  no_instagram_account: {
    action: 'give_up',
    who: 'owner',
    whatToDo:
      'No Instagram professional account was found. Make the account a business or creator account and link it to the Page, then start again.',
  },
  wrong_token: {
    action: 'give_up',
    who: 'owner',
    whatToDo:
      'The access token is not valid, or does not reach the account that was named. Correct the token or the ids, then start again.',
  },
  setup_incomplete: {
    action: 'give_up',
    who: 'owner',
    whatToDo:
      'The number or page is not ready to send: complete its payment, registration or name in the settings of the service.',
  },
  account_in_use: {
    action: 'give_up',
    who: 'operator',
    whatToDo: 'This login is already connected elsewhere. Disconnect it there first.',
  },
  same_identity: {
    action: 'give_up',
    who: 'nobody',
    whatToDo: 'This identity was connected already: use the account named by merged_into, which has the new login.',
  },
  another_owner: {
    action: 'give_up',
    who: 'operator',
    whatToDo:
      'This identity is connected for another owner. Disconnect it there, or connect again with merge_across_owners.',
  },
  another_identity: {
    action: 'give_up',
    who: 'owner',
    whatToDo:
      'This login is of another identity. Reconnect with the identity that the account had, or add a new account.',
  },
  proxy_refused: { action: 'give_up', who: 'operator', whatToDo: 'Check the proxy settings of this account.' },
  plan_required: {
    action: 'give_up',
    who: 'operator',
    whatToDo: 'The subscription at the provider does not include this. Change it, then start again.',
  },
  provider_key_rejected: {
    action: 'give_up',
    who: 'operator',
    whatToDo: "Set the provider's access token again: the present one is refused.",
  },
  provider_not_configured: {
    action: 'give_up',
    who: 'operator',
    whatToDo: "Set the provider's credentials (settings or PUT /api/v1/providers/{provider}), then start again.",
  },
  request_refused: {
    action: 'give_up',
    who: 'operator',
    whatToDo: "The provider refused the request. Read the reason in the account's timeline and correct the input.",
  },
  window_closed: {
    action: 'give_up',
    who: 'operator',
    whatToDo:
      'The person has not written for too long: send a template, or wait until they write. capabilities say what the channel takes.',
  },
  template_refused: {
    action: 'give_up',
    who: 'operator',
    whatToDo:
      'The template does not exist, is not approved, or its parameters do not fit. Correct it, then send again.',
  },
  recipient_unreachable: {
    action: 'give_up',
    who: 'nobody',
    whatToDo: 'The person cannot be reached there: they blocked the account, left, or do not use the channel.',
  },
  recipient_busy: {
    action: 'retry',
    who: 'nobody',
    whatToDo: 'Too many messages to this person in a short time. Patchbay sends it later; others go on.',
  },
  message_held_back: {
    action: 'give_up',
    who: 'nobody',
    whatToDo:
      'The service held the message back: the person stopped such messages or gets too many. Wait a day before another one.',
  },
  conversation_held: {
    action: 'give_up',
    who: 'operator',
    whatToDo: 'Another app answers this conversation now. Send again when it has given the conversation back.',
  },
  not_found: { action: 'give_up', who: 'nobody', whatToDo: 'What was asked for does not exist at the provider.' },
  unsupported: {
    action: 'give_up',
    who: 'operator',
    whatToDo: 'The provider cannot do this for this channel; see its capabilities.',
  },
  outcome_unknown: {
    action: 'give_up',
    who: 'operator',
    whatToDo:
      'Nothing proves whether the message was sent. Look into the conversation, then send it again (retry) or leave it (cancel).',
  },
  deadline_passed: { action: 'give_up', who: 'owner', whatToDo: 'The time for this login ran out. Start again.' },
  attempt_budget_spent: {
    action: 'give_up',
    who: 'owner',
    whatToDo: 'Too many logins in a short time can get an account banned. Wait until the next one may begin.',
  },
  account_removed: {
    action: 'give_up',
    who: 'nobody',
    whatToDo: 'Nothing: the account, or its attempt, is no longer in the database.',
  },
  cancelled: { action: 'give_up', who: 'nobody', whatToDo: 'Nothing: it was cancelled on request.' },
  superseded: { action: 'give_up', who: 'nobody', whatToDo: 'Nothing: a newer request took over.' },
  unexpected: {
    action: 'retry',
    who: 'operator',
    whatToDo: "Something went wrong inside Patchbay. Look at the worker's log by account id.",
  },
} as const satisfies Record<string, FailureRow>;

export type FailureCode = keyof typeof failures;

export const failureRow = (code: FailureCode): FailureRow => failures[code];

/** `unexpected` for a code that another version wrote. */
export const asFailureCode = (text: string): FailureCode =>
  Object.hasOwn(failures, text) ? (text as FailureCode) : 'unexpected';

/** What to do about a reason, as it is stored; null where there is none. */
export const whatToDo = (reason: string | null): string | null =>
  reason === null ? null : failureRow(asFailureCode(reason)).whatToDo;

/**
 * `effect`: only `none` may be repeated blindly. `detail` is shown and stored: never a secret or a raw answer. `networkCode`,
 * such as `ECONNREFUSED`, is for operators alone.
 */
export class ProviderFailure extends Error {
  readonly code: FailureCode;
  readonly effect: 'none' | 'unknown';
  readonly retryAfterMs: number | undefined;
  readonly networkCode: string | undefined;

  constructor(
    code: FailureCode,
    detail: string,
    more: { effect?: 'none' | 'unknown'; retryAfterMs?: number; networkCode?: string } = {},
  ) {
    super(detail);
    this.name = 'ProviderFailure';
    this.code = code;
    this.effect = more.effect ?? 'none';
    this.retryAfterMs = more.retryAfterMs;
    this.networkCode = more.networkCode;
  }
}

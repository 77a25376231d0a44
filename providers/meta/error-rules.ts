import type { FailureCode } from '../../domain/failures.ts';

/** What one error of the Graph API means. */
export interface GraphRule {
  code: FailureCode;
  /** In our words; it follows "Meta answered error …: ". */
  says?: string;
  /** The wait where the answer names none, in milliseconds. */
  waitMs?: number;
  /** `open`: what was asked for may have happened all the same. */
  leaves?: 'open';
  /** A limit of what the answer's call counts toward: other calls of the same app or of the same object wait too. */
  limits?: 'app' | 'object';
}

const second = 1_000;
const minute = 60 * second;
const hour = 60 * minute;

const lost = (says: string): GraphRule => ({ code: 'login_lost', says });
const permission: GraphRule = { code: 'permission_missing', says: 'a permission is missing' };
const window: GraphRule = { code: 'window_closed', says: 'the person has not written for more than 24 hours' };
const unreachable: GraphRule = { code: 'recipient_unreachable', says: 'the person cannot be reached' };
const passing = (says: string): GraphRule => ({ code: 'provider_unavailable', says });
const restricted = (says: string): GraphRule => ({ code: 'account_restricted', says });
const incomplete = (says: string): GraphRule => ({ code: 'setup_incomplete', says });
const refused = (says: string): GraphRule => ({ code: 'request_refused', says });
const template = (says: string): GraphRule => ({ code: 'template_refused', says });
const gone = (says: string): GraphRule => ({ code: 'not_found', says });
const limit = (says: string, limits: 'app' | 'object', waitMs: number): GraphRule => ({
  code: 'rate_limited',
  says,
  limits,
  waitMs,
});

/** By code, and by code and subcode where the two together mean more. By Meta's documentation of errors (November 2026). */
const rules: Readonly<Record<string, GraphRule>> = {
  '0': lost('the login is not accepted'),
  '102': lost('the session has ended'),
  '190': lost('the access token is not valid'),
  '190/458': lost('the owner removed the app'),
  '190/459': { code: 'owner_check_required', says: 'the owner must pass a check at facebook.com' },
  '190/460': lost('the password was changed, or the session ended for security'),
  '190/463': lost('the access token has expired'),
  '190/464': { code: 'owner_check_required', says: 'the owner must confirm the account at facebook.com' },
  '190/467': lost('the access token is no longer valid'),
  '190/492': lost('the owner lost the role on the Page: a person with that role must reconnect'),

  '3': permission,
  '10': permission,
  '131005': permission,

  '10/1545041': window,
  '10/2018278': window,
  '10/2534022': window,
  '1545041': window,
  '131047': window,
  '10/2018300': { code: 'conversation_held', says: 'another app holds the conversation' },

  '551': unreachable,
  '131026': unreachable,
  '100/2018001': unreachable,
  '100/2534014': unreachable,

  '4': limit('the app has reached its limit of calls', 'app', 5 * minute),
  '17': limit('the owner has reached the limit of calls', 'object', 5 * minute),
  '32': limit('the Page has reached its limit of calls', 'object', 5 * minute),
  '341': limit('the app has reached a limit', 'app', 5 * minute),
  '613': limit('a limit of calls is reached', 'object', minute),
  '613/1996': limit('the calls have an unusual pattern: slower', 'object', 5 * minute),
  '80000': limit('a limit of ads is reached', 'object', 5 * minute),
  '80001': limit('the Page has reached its limit of calls', 'object', 5 * minute),
  '80002': limit('the Instagram account has reached its limit of calls', 'object', 5 * minute),
  '80003': limit('a limit of audiences is reached', 'object', 5 * minute),
  '80004': limit('a limit of ads is reached', 'object', 5 * minute),
  '80005': limit('a limit of leads is reached', 'object', 5 * minute),
  '80006': limit('the Page has reached its limit of messages', 'object', 5 * minute),
  '80007': limit('the WhatsApp account has reached its limit of calls', 'object', 5 * minute),
  '80008': limit('the WhatsApp account has reached its limit of calls', 'object', 5 * minute),
  '80009': limit('a limit of the catalogue is reached', 'object', 5 * minute),
  '80014': limit('a limit of the catalogue is reached', 'object', 5 * minute),
  '130429': limit('the number sends too fast', 'object', 4 * second),
  '131056': { code: 'recipient_busy', says: 'too many messages to this person', waitMs: 6 * second },
  '133016': { code: 'rate_limited', says: 'the number was registered too often', waitMs: 6 * hour },

  '131048': restricted('messages are held back for the quality of the number'),
  '131064': restricted('messages are held back for the quality of the account'),
  '368': restricted('the account is blocked for breaking the rules'),
  '130497': restricted('the account may not write to people in this country'),
  '131031': restricted('the account is locked'),
  '10/1893063': restricted('the Page may not send for a while'),

  '1': { code: 'provider_unavailable', says: 'an unknown error', leaves: 'open' },
  '2': { ...passing('the service is down or overloaded, or the person blocked the account'), leaves: 'open' },
  '131000': { ...passing('an unknown error'), leaves: 'open' },
  '131016': passing('the service is overloaded'),
  '131057': passing('the account is in maintenance'),
  '133004': passing('the server is not available'),

  '131037': incomplete('the display name of the number is not approved'),
  '131042': incomplete('the payment of the account is not set up'),
  '131045': incomplete('the certificate of the number is wrong'),
  '133010': incomplete('the number is not registered'),

  '130472': { code: 'message_held_back', says: 'the person is part of an experiment' },
  '131049': { code: 'message_held_back', says: 'the person gets too many messages: wait 24 hours' },
  '131050': { code: 'message_held_back', says: 'the person stopped marketing messages' },

  '131051': refused('this type of message is not supported'),
  '131052': refused('the file that the person sent could not be fetched'),
  '131053': refused('the file could not be taken over'),
  '131062': refused('this template needs the phone number of the person'),

  '132000': template('the number of parameters does not fit the template'),
  '132001': template('the template does not exist in this language, or is not approved'),
  '132005': template('the text of the template becomes too long'),
  '132007': template('the template breaks the rules of its format'),
  '132012': template('a parameter has another format than the template'),
  '132015': template('the template is paused for its quality'),
  '132016': template('the template is disabled for its quality'),
  '132018': template('the parameters of the template are wrong'),

  '33': gone('the number was deleted'),
  '100': refused('a parameter is wrong'),
  '100/33': gone('it does not exist, or the token does not reach it'),
  '131008': refused('a parameter is missing'),
  '131009': refused('a parameter has a wrong value'),
  '131021': refused('sender and recipient are the same'),
  '135000': refused('a parameter is wrong'),

  '803': gone('the id is unknown'),
  '2018218': gone('the person has no profile'),
  '131059': refused('the cursor of the list is no longer valid'),
  '2593107': refused('the history was asked for already'),
  '2593108': refused('it is too late to ask for the history'),
  '2593109': refused('the owner declined to share the history'),

  '104': { code: 'provider_key_rejected', says: 'the proof does not fit: app_secret is of another app than the token' },
  '101': { code: 'provider_key_rejected', says: 'the app is not known, or app_secret is wrong' },
  '230': refused('the app may not message this person'),
  '2500': refused('the request is malformed'),
};

/** What an error means; null for one that is not known. A subcode that is not known leaves the meaning of the code. */
export function ruleOf(code: number, subcode: number | null): GraphRule | null {
  const rule = rules[`${code}/${subcode}`] ?? rules[String(code)];
  return rule ?? (code >= 200 && code <= 299 ? permission : null);
}

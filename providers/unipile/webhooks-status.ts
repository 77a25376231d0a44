import type { AccountStatusKind, WebhookEvent } from '../../domain/webhook-events.ts';
import { asObject, type JsonObject } from '../json-object.ts';
import { textIn } from '../shared/told-values.ts';

const words = new Map<string, AccountStatusKind>([
  ['CREATION_SUCCESS', 'created'],
  ['OK', 'linked'],
  ['RECONNECTED', 'linked'],
  ['SYNC_SUCCESS', 'synced'],
  ['CONNECTING', 'degraded'],
  ['CREDENTIALS', 'login_lost'],
  ['PERMISSIONS', 'login_lost'],
  ['ERROR', 'needs_restart'],
  ['STOPPED', 'needs_restart'],
  ['DELETED', 'deleted'],
]);

/** The status of an account in a body, wrapped or flat; null for another body. */
export function readStatus(body: JsonObject, bodyDigest: string): WebhookEvent | null {
  const wrapped = asObject(body['AccountStatus']);
  const status = wrapped ?? (isFlatStatus(body) ? { ...body, ...asObject(body['data']) } : null);
  return status && statusEvent(status, bodyDigest);
}

/** UniPile gives neither an id nor a time with a status: intake tells a repeat from the same status reported again. */
function statusEvent(status: JsonObject, bodyDigest: string): WebhookEvent {
  const word = wordOf(status);
  return {
    kind: 'account_status',
    type: `account_status.${word.toLowerCase() || 'unknown'}`,
    status: words.get(word) ?? 'unknown',
    providerAccountId: textIn(status['account_id']),
    dedupeKey: `status:${bodyDigest}`,
    subjects: [],
  };
}

/** The state's word in capitals, or nothing where there is none: a message's text is no word. */
const wordOf = (status: JsonObject): string => {
  const said = (textIn(status['message']) ?? textIn(status['status']) ?? '').slice(0, 41).toUpperCase();
  return /^[A-Z_]{1,40}$/.test(said) ? said : '';
};

/** Some senders leave the wrapper out; then an account and a word, but no event and no message, tell it. */
const isFlatStatus = (body: JsonObject): boolean =>
  body['event'] === 'account_status' ||
  (textIn(body['event']) === null &&
    textIn(body['account_id']) !== null &&
    textIn(body['message_id']) === null &&
    wordOf(body) !== '');

import { createHash } from 'node:crypto';
import type { AccountStatusKind, WebhookEvent, WebhookRequest } from '../provider.ts';

const digest = (text: string | Buffer): Buffer => createHash('sha256').update(text).digest();

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

type Json = Record<string, unknown>;
const text = (value: unknown): string | null => (typeof value === 'string' && value !== '' ? value : null);
const object = (value: unknown): Json | null =>
  value !== null && typeof value === 'object' && !Array.isArray(value) ? (value as Json) : null;

/** The event of a request. Account status comes wrapped or flat; the body is JSON whatever its content type says. */
export function readWebhook({ raw }: WebhookRequest): WebhookEvent[] {
  const body = object(JSON.parse(raw.toString('utf8')));
  if (!body) throw new Error('The body is not a JSON object.');
  const bodyDigest = digest(raw).toString('hex');
  const status = object(body.AccountStatus) ?? (isFlatStatus(body) ? { ...body, ...object(body.data) } : null);
  if (status) {
    const word = wordOf(status);
    return [
      {
        kind: 'account_status',
        type: `account_status.${word.toLowerCase() || 'unknown'}`,
        status: words.get(word) ?? 'unknown',
        providerAccountId: text(status.account_id),
        // UniPile gives neither an id nor a time: intake tells a repeat from the same word said again later.
        dedupeKey: `status:${bodyDigest}`,
      },
    ];
  }
  const event = text(body.event);
  if (!event) throw new Error('The body names no event.');
  const [account, message, time] = ['account_id', 'message_id', 'timestamp'].map((name) => text(body[name]));
  // A message is new once, in whatever words it is told again. What happens to it afterwards (read by one, then by
  // another; two reactions) may carry the message's own time, so that only the whole body tells it apart.
  const once = newMessage.has(event) && message;
  return [
    {
      kind: 'other',
      type: event,
      providerAccountId: account ?? null,
      dedupeKey: once ? [event, account, message, time].join(':') : `${event}:${bodyDigest}`,
    },
  ];
}

const newMessage = new Set(['message_received', 'message.received', 'new_message']);

/** The state's word in capitals, or nothing where there is none: a message's text is no word. */
const wordOf = (status: Json): string => {
  const said = (text(status.message) ?? text(status.status) ?? '').toUpperCase();
  return /^[A-Z_]{1,40}$/.test(said) ? said : '';
};

/** Some senders leave the wrapper out; then an account and a word, but no event and no message, tell it. */
const isFlatStatus = (body: Json): boolean =>
  body.event === 'account_status' ||
  (text(body.event) === null &&
    text(body.account_id) !== null &&
    text(body.message_id) === null &&
    wordOf(body) !== '');

import { createHash, timingSafeEqual } from 'node:crypto';
import type { AccountStatusWord, WebhookEvent, WebhookRequest } from '../provider.ts';
import { secretHeader } from './registrations.ts';

const digest = (text: string | Buffer): Buffer => createHash('sha256').update(text).digest();

/** Whether the secret header holds one of `secrets`; compared as digests, in constant time. */
export function verifyWebhook(request: WebhookRequest, secrets: readonly string[]): boolean {
  const given = request.headers[secretHeader];
  if (typeof given !== 'string') return false;
  const presented = digest(given);
  return secrets.map((secret) => timingSafeEqual(presented, digest(secret))).includes(true);
}

const words: Record<string, AccountStatusWord> = {
  CREATION_SUCCESS: 'created',
  OK: 'linked',
  RECONNECTED: 'linked',
  SYNC_SUCCESS: 'synced',
  CONNECTING: 'interrupted',
  CREDENTIALS: 'login_lost',
  PERMISSIONS: 'login_lost',
  ERROR: 'halted',
  STOPPED: 'halted',
  DELETED: 'deleted',
};

type Json = Record<string, unknown>;
const text = (value: unknown): string | null => (typeof value === 'string' && value !== '' ? value : null);
const object = (value: unknown): Json | null =>
  value !== null && typeof value === 'object' && !Array.isArray(value) ? (value as Json) : null;

/** The event of a request. Account status comes wrapped or flat; the body is JSON whatever its content type says. */
export function readWebhook({ raw }: WebhookRequest): WebhookEvent[] {
  const body = object(JSON.parse(raw.toString('utf8')));
  if (!body) throw new Error('The body is not a JSON object.');
  const status = object(body.AccountStatus) ?? (isFlatStatus(body) ? { ...body, ...object(body.data) } : null);
  const bodyDigest = digest(raw).toString('hex');
  if (status) {
    const word = (text(status.message) ?? text(status.status) ?? '').toUpperCase();
    return [
      {
        kind: 'account_status',
        type: `account_status.${word.toLowerCase() || 'unknown'}`,
        status: words[word] ?? 'unknown',
        providerAccountId: text(status.account_id),
        // UniPile gives neither an id nor a time: intake tells a repeat from the same word said again later.
        dedupeKey: `status:${bodyDigest}`,
      },
    ];
  }
  const event = text(body.event);
  if (!event) throw new Error('The body names no event.');
  const key = ['account_id', 'message_id', 'timestamp'].map((name) => text(body[name]) ?? '').join(':');
  return [
    {
      kind: 'other',
      type: event,
      providerAccountId: text(body.account_id),
      dedupeKey: text(body.message_id) ? `${event}:${key}` : `${event}:${bodyDigest}`,
    },
  ];
}

const isFlatStatus = (body: Json): boolean =>
  body.event === 'account_status' ||
  (text(body.account_id) !== null &&
    text(body.message_id) === null &&
    Boolean(words[(text(body.message) ?? text(body.status) ?? '').toUpperCase()]));

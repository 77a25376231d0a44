import { createHash } from 'node:crypto';
import type { AccountStatusKind, WebhookEvent, WebhookRequest } from '../provider.ts';
import { asObject, text } from './fields.ts';
import { word } from './account-object.ts';

const digest = (of: string): string => createHash('sha256').update(of).digest('hex');

const words = new Map<string, AccountStatusKind>([
  ['connected', 'linked'],
  ['connecting', 'degraded'],
  ['need_scan', 'login_lost'],
  ['need_passkey', 'login_lost'],
  ['disconnected', 'login_lost'],
  ['logged_out', 'login_lost'],
  ['expired', 'login_lost'],
]);

/**
 * The event of a request. Whose it is, the secret tells that it came with: `sessionId` is the session's API key in some
 * events and missing in others, so it is read nowhere.
 */
export function readWebhook({ raw }: WebhookRequest): WebhookEvent[] {
  const kept = withoutKeys(raw.toString('utf8'));
  const body = asObject(JSON.parse(kept));
  if (!body) throw new Error('The body is not a JSON object.');
  const event = text(body, 'event') ?? '';
  if (!/^[a-z][a-z0-9_.-]{0,59}$/i.test(event)) throw new Error('The body names no event.');
  // No event has an id, and times have no one unit: equal bodies are one event.
  const bodyDigest = digest(kept);
  if (event !== 'session.status')
    return [{ kind: 'other', type: event, providerAccountId: null, dedupeKey: `${event}:${bodyDigest}` }];
  const data = asObject(body.data);
  const said = word(text(data, 'status') ?? text(body, 'status'));
  const known = words.get(said);
  return [
    {
      kind: 'account_status',
      type: `session.status.${known ? said : 'unknown'}`,
      status: known ?? 'unknown',
      providerAccountId: null,
      dedupeKey: `status:${bodyDigest}`,
    },
  ];
}

const keyed = /"session_?id"\s*:\s*"([^"\\]{12,})"/gi;

/** The body with every key blotted out, wherever else its text stands. A number of a session is left. */
export function withoutKeys(body: string): string {
  const keys = new Set([...body.matchAll(keyed)].map(([, key]) => key ?? ''));
  return [...keys].reduce((kept, key) => kept.replaceAll(key, '[session key]'), body);
}

import type { Session, State } from './state.ts';
import type { WasenderVariants } from './variants.ts';

type EventName =
  | 'messages.received'
  | 'messages-personal.received'
  | 'messages-group.received'
  | 'messages-newsletter.received'
  | 'messages.upsert'
  | 'messages.update'
  | 'messages.delete'
  | 'messages.reaction'
  | 'message-receipt.update'
  | 'message.sent'
  | 'session.status'
  | 'qrcode.updated'
  | 'passkey.updated'
  | 'contacts.upsert'
  | 'contacts.update'
  | 'chats.upsert'
  | 'chats.update'
  | 'chats.delete'
  | 'groups.upsert'
  | 'groups.update'
  | 'group-participants.update';

/** As documented: `timestamp` has several units, and four events carry the session's API key as `sessionId`. */
const ENVELOPES: Record<EventName, { time: 'seconds' | 'milliseconds' | 'none'; withApiKey?: true }> = {
  'messages.received': { time: 'seconds' },
  'messages-personal.received': { time: 'seconds' },
  'messages-group.received': { time: 'seconds' },
  'messages-newsletter.received': { time: 'seconds' },
  'messages.upsert': { time: 'seconds' },
  'messages.update': { time: 'milliseconds', withApiKey: true },
  'messages.delete': { time: 'seconds' },
  'messages.reaction': { time: 'seconds' },
  'message-receipt.update': { time: 'seconds' },
  'message.sent': { time: 'milliseconds' },
  'session.status': { time: 'milliseconds', withApiKey: true },
  'qrcode.updated': { time: 'milliseconds', withApiKey: true },
  'passkey.updated': { time: 'milliseconds', withApiKey: true },
  'contacts.upsert': { time: 'none' },
  'contacts.update': { time: 'none' },
  'chats.upsert': { time: 'seconds' },
  'chats.update': { time: 'seconds' },
  'chats.delete': { time: 'seconds' },
  'groups.upsert': { time: 'seconds' },
  'groups.update': { time: 'seconds' },
  'group-participants.update': { time: 'seconds' },
};

export function listens(session: Session, event: EventName): boolean {
  const { webhook_enabled, webhook_url, webhook_events } = session.settings;
  return webhook_enabled && webhook_url !== null && (webhook_events ?? []).includes(event);
}

export function emit(state: State, session: Session, event: EventName, data: unknown): void {
  if (!listens(session, event)) return;
  const variants = state.variants.values;
  const { time, withApiKey } = ENVELOPES[event];
  const unit = variants.webhook_timestamp === 'documented' ? time : variants.webhook_timestamp;
  const now = state.shared.clock.now();
  const withKey = variants.webhook_session_id === 'all' || (variants.webhook_session_id === 'documented' && withApiKey);
  const payload = {
    event,
    ...(unit !== 'none' && { timestamp: unit === 'seconds' ? Math.floor(now / 1000) : now }),
    ...(withKey && { sessionId: session.apiKey }),
    data,
  };
  post(state, session, JSON.stringify(renameFields(payload, variants.field_case)), event);
}

/** Any body, whatever events the session listens to. Returns how many webhooks were sent. */
export function sendRaw(state: State, session: Session, body: string): number {
  const { webhook_enabled, webhook_url } = session.settings;
  if (!webhook_enabled || webhook_url === null) return 0;
  post(state, session, body, 'raw');
  return 1;
}

function post(state: State, session: Session, body: string, label: string): void {
  const variants = state.variants.values;
  state.shared.deliveries.send({
    provider: 'wasender',
    url: session.settings.webhook_url!,
    // The signature is the secret itself; nothing is bound to the body.
    headers: { 'content-type': 'application/json', 'x-webhook-signature': session.webhookSecret },
    body,
    lane: `wasender ${session.id}`,
    label,
    retries: variants.webhook_retries,
    retryBaseSeconds: variants.webhook_retry_base_seconds,
    timeoutSeconds: variants.webhook_timeout_seconds,
  });
}

const FIELD_CASES: Record<WasenderVariants['field_case'], ((name: string) => string) | null> = {
  documented: null,
  snake: (name) => name.replaceAll(/(?<=[a-z0-9])[A-Z]/g, (letter) => `_${letter.toLowerCase()}`),
  camel: (name) => name.replaceAll(/(?<=[a-z0-9])_([a-z])/g, (_all, letter: string) => letter.toUpperCase()),
};

export function renameFields(value: unknown, fieldCase: WasenderVariants['field_case']): unknown {
  const rename = FIELD_CASES[fieldCase];
  if (!rename) return value;
  const walk = (one: unknown): unknown => {
    if (Array.isArray(one)) return one.map(walk);
    if (one === null || typeof one !== 'object') return one;
    return Object.fromEntries(Object.entries(one).map(([name, inner]) => [rename(name), walk(inner)]));
  };
  return walk(value);
}

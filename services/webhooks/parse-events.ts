import { createHash } from 'node:crypto';
import type { Provider, WebhookEvent, WebhookRequest } from '../../providers/provider.ts';

/** What a name in an event may be long, in characters; longer ones do not fit the indexes of PostgreSQL. */
const longest = 255;

/**
 * The request's events, each fit to be stored; null for a body that is not the provider's. Those that name no account
 * are `sender`'s, and equal ones of two senders are two.
 */
export function readEvents(
  provider: Provider | undefined,
  request: WebhookRequest,
  sender: string | null,
): WebhookEvent[] | null {
  const sent = (event: WebhookEvent): WebhookEvent =>
    sender === null || event.providerAccountId !== null
      ? event
      : { ...event, providerAccountId: sender, dedupeKey: `${sender}:${event.dedupeKey}` };
  try {
    const events = provider?.webhooks.read(request).map(sent) ?? null;
    return events?.every(isStorable) ? events.map(withShortKey) : null;
  } catch {
    return null;
  }
}

const isStorable = ({ type, providerAccountId, dedupeKey }: WebhookEvent): boolean =>
  [type, providerAccountId ?? ''].every((text) => text.length <= longest) &&
  ![type, providerAccountId, dedupeKey].some((text) => text?.includes('\0'));

const withShortKey = (event: WebhookEvent): WebhookEvent =>
  event.dedupeKey.length <= longest
    ? event
    : { ...event, dedupeKey: `long:${createHash('sha256').update(event.dedupeKey).digest('hex')}` };

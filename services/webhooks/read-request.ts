import { createHash } from 'node:crypto';
import { peopleIn, type ReadRequest, type WebhookEvent } from '../../domain/webhook-events.ts';
import type { Provider, WebhookRequest } from '../../providers/provider.ts';
import { readUserRequest } from './callback-body.ts';

/** A request with more events is of no provider: each takes rows and time of others. Meta's histories hold thousands. */
const mostEvents = 5_000;
/** What a name in an event may be long, in characters; longer ones do not fit the indexes of PostgreSQL. */
const longest = 255;

/**
 * Reads a request, each of its events fit to be stored. Those that name no account are `sender`'s, and equal ones of two
 * senders are two. An error of the reader makes the request unreadable; an event that cannot be stored is unreadable alone.
 */
export function readRequest(provider: Provider, request: WebhookRequest, sender: string | null): ReadRequest {
  const { body, events, mentions } = tryRead(provider, request);
  if (events && events.length > mostEvents) return { body, events: null, mentions: 'too_many' };
  const people = peopleIn({ body, events, mentions });
  if (!events) return { body, events: null, mentions: people };
  const fitting = events.map((one) => fit(isStorable(one) ? one : unreadable(one), sender));
  return { body, events: people === 'too_many' ? fitting.map(withoutPeople) : fitting, mentions };
}

function tryRead(provider: Provider, request: WebhookRequest): ReadRequest {
  try {
    const asked = provider.callbacks ? readUserRequest(request.raw) : null;
    if (asked) return { body: request.raw.toString('utf8'), events: [asked], mentions: [] };
    return provider.webhooks.read(request);
  } catch {
    // Nothing is known of what such a body holds, not even whether it names a key.
    return { body: '', events: null, mentions: [] };
  }
}

const isStorable = ({ type, providerAccountId, providerGroup, dedupeKey }: WebhookEvent): boolean =>
  [type, providerAccountId ?? '', providerGroup ?? ''].every(isName) && !dedupeKey.includes('\0');

const isName = (text: string): boolean => text.length <= longest && !text.includes('\0');

/** Others of its request are stored all the same. */
const unreadable = ({ providerAccountId: login, dedupeKey, subjects }: WebhookEvent): WebhookEvent => ({
  kind: 'unreadable',
  type: 'unreadable',
  providerAccountId: login !== null && isName(login) ? login : null,
  dedupeKey: `unreadable:${createHash('sha256').update(dedupeKey).digest('hex')}`,
  subjects,
});

/** Nothing is kept of so many people, and the thread that reads long bodies need not hand them over. */
const withoutPeople = (event: WebhookEvent): WebhookEvent =>
  event.kind === 'contact' ? { ...event, subjects: 'too_many', contacts: [] } : { ...event, subjects: 'too_many' };

function fit(event: WebhookEvent, sender: string | null): WebhookEvent {
  const own = sender !== null && event.providerAccountId === null && event.providerGroup === undefined;
  const key = own ? `${sender}:${event.dedupeKey}` : event.dedupeKey;
  return {
    ...event,
    providerAccountId: own ? sender : event.providerAccountId,
    dedupeKey: key.length <= longest ? key : `long:${createHash('sha256').update(key).digest('hex')}`,
  };
}

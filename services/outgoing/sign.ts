import { Webhook } from 'standardwebhooks';
import type { OutgoingEvent, SigningSecret } from '../../domain/deliveries.ts';

/** What signs deliveries to an endpoint: one for each secret that is valid. */
export interface Signer {
  sign: Webhook;
  /** Milliseconds of the epoch; `Infinity` for the present secret. */
  until: number;
}

export const signersOf = (secrets: readonly SigningSecret[]): Signer[] =>
  secrets.map(({ secret, until }) => ({ sign: new Webhook(secret), until: until ? Date.parse(until) : Infinity }));

/** The id and the body of a request. */
interface Payload {
  id: string;
  body: string;
}

/** One event, as the feed has it, in the shape of Standard Webhooks. */
const single = (event: OutgoingEvent): Payload => ({
  id: event.id,
  body: JSON.stringify({ type: event.type, timestamp: event.at, data: event }),
});

/** Events in their order; at least one. The same events have the same id. */
const batch = ([first, ...others]: readonly [OutgoingEvent, ...OutgoingEvent[]]): Payload => ({
  id: `${first.id}+${others.length}`,
  body: JSON.stringify({ type: 'batch', timestamp: first.at, data: { events: [first, ...others] } }),
});

/** What an endpoint gets that takes so many events in a request: one as it is, or always a batch. */
export const payloadOf = (events: readonly [OutgoingEvent, ...OutgoingEvent[]], eventsPerRequest: number): Payload =>
  eventsPerRequest > 1 ? batch(events) : single(events[0]);

/** The headers of Standard Webhooks, with a signature for each valid secret. `now` tells which ones are. */
export function signedHeaders(
  signers: readonly Signer[],
  id: string,
  body: string,
  now: Date,
): Readonly<Record<string, string>> {
  // Of the machine, not of a movable clock: receivers compare it with their own.
  const at = new Date();
  const valid = signers.filter(({ until }) => until > now.getTime());
  return {
    'content-type': 'application/json',
    'user-agent': 'Patchbay',
    'webhook-id': id,
    'webhook-timestamp': String(Math.floor(at.getTime() / 1_000)),
    'webhook-signature': valid.map(({ sign }) => sign.sign(id, at, body)).join(' '),
  };
}

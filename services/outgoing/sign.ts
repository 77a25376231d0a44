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

/** The body of a delivery: the shape of Standard Webhooks, with the event as the feed has it. */
export const payloadOf = (event: OutgoingEvent): string =>
  JSON.stringify({ type: event.type, timestamp: event.at, data: event });

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

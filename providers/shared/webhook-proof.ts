import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import type { WebhookProof, WebhookRequest } from '../contract/webhooks.ts';

/** The provider repeats the secret in a header: nothing of the body is signed. */
export function secretInHeader(header: string): WebhookProof {
  const shownSecret = (request: WebhookRequest): string | null => headerOf(request, header);
  return {
    header,
    shownSecret,
    verify: (request, secrets) => {
      const shown = shownSecret(request);
      return shown !== null && isOneOf(shown, secrets);
    },
    prove: (_raw, secret) => secret,
  };
}

/** The provider signs the raw body with one of its own settings: HMAC-SHA256 in hexadecimal, after `prefix`. */
export function signedBody(header: string, prefix: string, secretSettings: readonly string[]): WebhookProof {
  const prove = (raw: Buffer, secret: string): string =>
    prefix + createHmac('sha256', secret).update(raw).digest('hex');
  return {
    header,
    secretSettings,
    verify: (request, secrets) => {
      const signature = headerOf(request, header);
      const signatures = secrets.filter((secret) => secret !== '').map((secret) => prove(request.raw, secret));
      return signature !== null && isOneOf(signature, signatures);
    },
    prove,
  };
}

/** WebSub's handshake, as Meta uses it: a request that shows our secret is answered with its `hub.challenge`. */
export function hubChallenge(query: Readonly<Record<string, unknown>>, secrets: readonly string[]): string | null {
  const { 'hub.mode': mode, 'hub.verify_token': token, 'hub.challenge': challenge } = query;
  if (mode !== 'subscribe' || typeof token !== 'string' || typeof challenge !== 'string') return null;
  return isOneOf(token, secrets) ? challenge : null;
}

function headerOf({ headers }: WebhookRequest, name: string): string | null {
  const given = headers[name.toLowerCase()];
  return typeof given === 'string' && given !== '' ? given : null;
}

/** Compared as digests, and with each of them, so that the time tells nothing. */
const isOneOf = (given: string, known: readonly string[]): boolean =>
  known.map((one) => timingSafeEqual(digest(given), digest(one))).includes(true);

const digest = (text: string): Buffer => createHash('sha256').update(text).digest();

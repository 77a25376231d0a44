import { createHmac } from 'node:crypto';
import type { BodySignature, Challenge, ChallengeReader } from '../contract/webhooks.ts';

/** HMAC of the raw body in hexadecimal, after `prefix`. */
export const hmacOf =
  (prefix: string, algorithm: 'sha256' | 'sha1'): BodySignature['sign'] =>
  (raw, secret) =>
    prefix + createHmac(algorithm, secret).update(raw).digest('hex');

/** HMAC-SHA256 of the raw body in hexadecimal, after `prefix`. */
export const hmacSignature = (prefix: string, settings: readonly string[]): BodySignature => ({
  settings,
  sign: hmacOf(prefix, 'sha256'),
});

/**
 * WebSub's handshake, as Meta uses it: a request that shows our secret, or what one of `settings` holds, is answered with
 * its `hub.challenge`.
 */
export const hubChallenge = (settings: readonly string[]): ChallengeReader => ({ settings, read: readHubChallenge });

function readHubChallenge(query: Readonly<Record<string, unknown>>): Challenge | null {
  const { 'hub.mode': mode, 'hub.verify_token': secret, 'hub.challenge': answer } = query;
  const isAsked = mode === 'subscribe' && typeof secret === 'string' && typeof answer === 'string';
  return isAsked ? { secret, answer } : null;
}

import { isOneOf } from '../../platform/constant-time.ts';
import { Problem } from '../problem.ts';
import type { WebhookProof, WebhookRequest } from '../../providers/provider.ts';

/** The secret or the signature that a request shows; null where it shows none. */
export function shownProof(
  { header }: Pick<WebhookProof, 'header'>,
  headers: WebhookRequest['headers'],
): string | null {
  const given = headers[header.toLowerCase()];
  return typeof given === 'string' && given !== '' ? given : null;
}

/** The header's value in a request with this body. */
export const proofOf = ({ signature }: WebhookProof, raw: Buffer, secret: string): string =>
  signature ? signature.sign(raw, secret) : secret;

/** Whether one of `secrets` signed the request; several count, so that they can be rotated. */
export function isSigned(proof: WebhookProof, { raw, headers }: WebhookRequest, secrets: readonly string[]): boolean {
  const known = secrets.filter((secret) => secret !== '');
  const isOneSigned = (shown: string | null, sign: (secret: string) => string): boolean =>
    shown !== null && isOneOf(shown, known.map(sign));
  const shown = shownProof(proof, headers);
  const { olderSignature: older } = proof;
  if (shown === null && older) return isOneSigned(shownProof(older, headers), (secret) => older.sign(raw, secret));
  return isOneSigned(shown, (secret) => proofOf(proof, raw, secret));
}

/** Whether the request did not prove to come from the provider. */
export const isUnauthorized = (error: unknown): boolean => error instanceof Problem && error.code === 'unauthorized';

/** The same where a provider's documentation wants the status 403. */
export const refusedProof = (): Problem =>
  new Problem('wrong_proof', undefined, {
    fix: 'Sign the body, or send the verify token, with what is set for the provider.',
  });

/** The request does not prove to come from the provider. */
export const wrongSecret = (): Problem =>
  new Problem('unauthorized', 'The webhook does not carry the right secret.', {
    fix: 'Send the secret that was registered with the webhook, in its header.',
  });

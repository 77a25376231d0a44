import { randomInt } from 'node:crypto';
import { invalidParameter, MetaError } from '../errors.ts';
import { asText } from '../graph/params.ts';
import type { CallbackAddress } from '../types.ts';

const TIMEOUT_MS = 5_000;
const LONGEST_ADDRESS = 200;

/** Asks an address whether it wants our webhooks: it must answer 200 with the challenge. Throws 2200. */
export async function verifyCallback(address: string, verifyToken: string): Promise<void> {
  const url = URL.parse(address);
  if (!url || !/^https?:$/.test(url.protocol)) throw failed('the callback URL is not an address');
  const challenge = String(randomInt(1_000_000_000, 2_000_000_000));
  url.searchParams.set('hub.mode', 'subscribe');
  url.searchParams.set('hub.challenge', challenge);
  url.searchParams.set('hub.verify_token', verifyToken);
  let answer: Response;
  let text: string;
  try {
    answer = await fetch(url, { redirect: 'manual', signal: AbortSignal.timeout(TIMEOUT_MS) });
    text = await answer.text();
  } catch (error) {
    throw failed(`curl_errno = 7; ${(error as Error).message}`);
  }
  if (answer.status !== 200) throw failed(`HTTP Status Code = ${answer.status}; HTTP Message = ${answer.statusText}`);
  if (text.trim() !== challenge) throw failed('the response does not match the challenge');
}

const failed = (why: string): MetaError =>
  new MetaError(2200, `(#2200) Callback verification failed with the following errors: ${why}`);

/** An address of the account's own, once it has answered; null without one. Throws 100, 2200. */
export async function overrideIn(fields: Readonly<Record<string, unknown>>): Promise<CallbackAddress | null> {
  const url = asText(fields['override_callback_uri']);
  if (url === '') return null;
  if (url.length > LONGEST_ADDRESS) {
    throw invalidParameter(`override_callback_uri must be at most ${LONGEST_ADDRESS} characters long`);
  }
  const verifyToken = asText(fields['verify_token']);
  if (verifyToken === '') throw invalidParameter('The parameter verify_token is required.');
  await verifyCallback(url, verifyToken);
  return { url, verifyToken };
}

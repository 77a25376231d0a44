import { ProviderFailure } from '../../domain/failures.ts';
import type { MediaFile } from '../contract/media.ts';
import type { CredentialsCall, ProviderCall } from '../provider.ts';
import { createDownload } from '../shared/download.ts';
import { codeOfForeignAnswer } from '../shared/errors.ts';
import { createHttp, lostEffect, type HttpRequest } from '../shared/http.ts';
import { failureOf } from './errors.ts';
import { asObject, field, text, type Json } from './fields.ts';
import { segment } from './ids.ts';
import { baseUrl, soleSessionKey } from './settings.ts';

/** An address book may come at once. */
const send = createHttp('WASender', 256 * 1024 * 1024);

/** Decrypted files come from WASender's own hosts, pictures of people from WhatsApp's. */
const download = createDownload('WASender', ['wasenderapi.com', 'whatsapp.net'], 200 * 1024 * 1024);

type Method = HttpRequest['method'];

/** A call with a session's key; the key of the settings counts for its own session, whatever the account. */
export type SessionCall = CredentialsCall & Partial<Pick<ProviderCall, 'keys' | 'providerAccountId'>>;

interface More {
  /** Sent as JSON, or as the bytes that it is. */
  body?: Json | Blob;
  query?: Record<string, string>;
}

/** A call with the personal access token: everything under /whatsapp-sessions. Answers the whole body. */
export const askAccount = (call: CredentialsCall, method: Method, path: string, more: More = {}): Promise<Json> =>
  request(call, call.settings.api_token ?? '', method, path, more);

/**
 * A call with the session's own key, which the account keeps. A refused key was made anew at WASender: then the present
 * one is asked for, once.
 */
export async function askSession(call: SessionCall, method: Method, path: string, more: More = {}): Promise<Json> {
  const kept = soleSessionKey(call.settings) ?? call.keys?.apiKey;
  if (kept)
    try {
      return await request(call, kept, method, path, more);
    } catch (error) {
      const outdated = error instanceof ProviderFailure && error.code === 'provider_key_rejected';
      if (!outdated || kept === call.settings.api_token) throw error;
    }
  const session = dataOf(
    await askAccount(call, 'GET', `/whatsapp-sessions/${segment(call.providerAccountId ?? null)}`),
  );
  const fresh = text(asObject(session), 'api_key');
  if (!fresh || fresh === kept)
    throw new ProviderFailure('provider_key_rejected', 'WASender refuses the key of its own session.');
  return request(call, fresh, method, path, more);
}

async function request(call: CredentialsCall, key: string, method: Method, path: string, more: More): Promise<Json> {
  const base = baseOf(call);
  const headers = { authorization: `Bearer ${key}`, accept: 'application/json' };
  await call.turn?.(call.signal);
  const answer = await send({ method, url: base + path, headers, ...more, signal: call.signal, reach: call.reach });
  const lost = lostEffect(method);
  const failure = failureOf(answer, { lost, now: call.now });
  if (failure) throw failure;
  if (answer.status === 204) return {};
  const body = asObject(answer.data);
  if (body) return body;
  throw new ProviderFailure('provider_unavailable', 'WASender answered in an unknown shape.', { effect: lost });
}

/** A file at an address that WASender told; it takes no key. Null where the address is over. */
export async function requestFile(call: CredentialsCall, url: string): Promise<MediaFile | null> {
  const { origin } = new URL(baseOf(call));
  const answer = await download({ url, origin, headers: {}, reach: call.reach, signal: call.signal });
  if ('file' in answer) return answer.file;
  // WhatsApp's hosts answer 403 to an address that has expired.
  if ([403, 404, 410].includes(answer.refusal.status)) return null;
  const code = codeOfForeignAnswer(answer.refusal.status);
  throw new ProviderFailure(code, `The address of a file answered ${answer.refusal.status}.`);
}

function baseOf({ settings }: CredentialsCall): string {
  const base = baseUrl(settings);
  if (base) return base;
  throw new ProviderFailure('provider_not_configured', 'WASENDER_BASE_URL is not an https address.');
}

export function dataOf(body: Json): unknown {
  const data = field(body, 'data');
  return data === undefined ? body : data;
}

import { z } from 'zod';
import { ProviderFailure } from '../../domain/failures.ts';
import type { MediaFile } from '../contract/media.ts';
import type { CredentialsCall } from '../provider.ts';
import { createDownload } from '../shared/download.ts';
import { createHttp, lostEffect, type HttpRequest } from '../shared/http.ts';
import { failureOf } from './errors.ts';
import { baseUrl } from './settings.ts';

const send = createHttp('UniPile', 50 * 1024 * 1024);
/** Files come from the API itself; UniPile's ceiling for uploads is a quarter of this. */
const download = createDownload('UniPile', ['unipile.com'], 100 * 1024 * 1024);

/** Whether a call brings an owner's password or code: a new login, a reconnection, the answer to a checkpoint. */
const carriesLogin = (method: string, path: string): boolean =>
  method === 'POST' && path.startsWith('/accounts') && !path.endsWith('/restart');

/** Answers the JSON object of any 2xx: a pending checkpoint is one too. Throws `ProviderFailure`, also for another text. */
export async function request(
  call: CredentialsCall,
  method: HttpRequest['method'],
  path: string,
  body?: unknown,
  query?: Record<string, string>,
): Promise<unknown> {
  const base = baseOf(call);
  const headers = { ...keyOf(call), accept: 'application/json' };
  await call.turn?.(call.signal);
  const answer = await send({ method, url: base + path, headers, body, query, signal: call.signal, reach: call.reach });
  const lost = lostEffect(method);
  const failure = failureOf(answer, { lost, carriesLogin: carriesLogin(method, path), now: call.now });
  if (failure) throw failure;
  if (isObject(answer.data) || (answer.data === '' && method === 'DELETE')) return answer.data;
  throw new ProviderFailure('provider_unavailable', 'UniPile answered in an unknown shape.', { effect: lost });
}

/** A file below the API. Throws `ProviderFailure` for an answer of another status. */
export async function requestFile(call: CredentialsCall, path: string): Promise<MediaFile> {
  const base = baseOf(call);
  const { origin } = new URL(base);
  await call.turn?.(call.signal);
  const answer = await download({
    url: base + path,
    origin,
    headers: keyOf(call),
    reach: call.reach,
    signal: call.signal,
  });
  if ('file' in answer) return answer.file;
  const failure = failureOf(answer.refusal, { lost: 'none', carriesLogin: false, now: call.now });
  throw failure ?? new ProviderFailure('provider_unavailable', 'UniPile answered no file.');
}

function baseOf({ settings }: CredentialsCall): string {
  const base = baseUrl(settings);
  if (base) return base;
  throw new ProviderFailure('provider_not_configured', 'UNIPILE_DSN is not a host and port.');
}

const keyOf = ({ settings }: CredentialsCall): Record<string, string> => ({ 'X-API-KEY': settings.access_token ?? '' });

const isObject = (body: unknown): boolean => typeof body === 'object' && body !== null && !Array.isArray(body);

const page = z.object({ items: z.array(z.unknown()).nullable(), cursor: z.string().nullish() });

/** Every item of a list, page after page; a cursor is sent alone. Throws on an answer that is no list. */
export async function* everyItem(call: CredentialsCall, path: string): AsyncGenerator<unknown> {
  const seen = new Set<string>();
  let query: Record<string, string> = { limit: '250' };
  for (;;) {
    const { success, data } = page.safeParse(await request(call, 'GET', path, undefined, query));
    if (!success) throw new ProviderFailure('provider_unavailable', 'UniPile answered something else than a list.');
    yield* data.items ?? [];
    if (!data.cursor) return;
    if (seen.has(data.cursor))
      throw new ProviderFailure('provider_unavailable', 'UniPile answered the same page of a list again.');
    seen.add(data.cursor);
    query = { cursor: data.cursor };
  }
}

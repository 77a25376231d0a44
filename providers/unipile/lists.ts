import { z } from 'zod';
import { ProviderFailure } from '../../domain/failures.ts';
import type { ProviderCall } from '../provider.ts';
import { request } from './http.ts';

const page = z.object({ items: z.array(z.unknown()), cursor: z.string().nullish() });

/**
 * Every item of a list of UniPile, page after page; a cursor is sent alone. Throws on an answer that is no list: to
 * read it as an empty one would make things a second time.
 */
export async function* everyItem(call: ProviderCall, path: string): AsyncGenerator<unknown> {
  const seen = new Set<string>();
  let query: Record<string, string> = { limit: '250' };
  for (;;) {
    const { success, data } = page.safeParse(await request(call, 'GET', path, undefined, query));
    if (!success) throw new ProviderFailure('provider_unavailable', 'UniPile answered something else than a list.');
    yield* data.items;
    if (!data.cursor) return;
    if (seen.has(data.cursor))
      throw new ProviderFailure('provider_unavailable', 'UniPile answered the same page of a list again.');
    seen.add(data.cursor);
    query = { cursor: data.cursor };
  }
}

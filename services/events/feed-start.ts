import { placeOf, type EventType } from '../../domain/events.ts';
import { anyAccount } from '../accounts/find-account.ts';
import type { Context } from '../context.ts';
import { Problem } from '../problem.ts';
import type { FeedFilter, FeedStart } from './feed-reader.ts';

/** The filter of a caller. An empty list of types is none. */
export interface WantedEvents {
  types?: readonly EventType[] | null | undefined;
  account?: string | null | undefined;
}

/** The place that a caller names: a cursor, `now`, or none. Throws `invalid_request`. */
function placeAfter(after: string | undefined): FeedStart['after'] {
  if (after === undefined) return 'oldest';
  if (after === 'now') return 'now';
  const place = placeOf(after);
  if (!place) throw new Problem('invalid_request', 'after: must be the next of an answer, the id of an event, or now.');
  return place;
}

/** Throws `not_found` for an account that is not the tenant's. */
export async function filterOf(
  { db }: Pick<Context, 'db'>,
  tenantId: string,
  { types, account }: WantedEvents,
): Promise<FeedFilter> {
  const accountId =
    typeof account === 'string' ? await db.tenant(tenantId, async (em) => (await anyAccount(em, account)).id) : null;
  return { types: types?.length ? types : null, accountId };
}

/** Where a reader of a tenant begins, and what it reads. Throws `invalid_request` and `not_found`. */
export async function feedStart(
  context: Pick<Context, 'db'>,
  tenantId: string,
  { after, ...wanted }: WantedEvents & { after: string | undefined },
): Promise<FeedStart> {
  return { tenantId, after: placeAfter(after), filter: await filterOf(context, tenantId, wanted) };
}

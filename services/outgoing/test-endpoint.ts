import { newId } from '../../platform/ids.ts';
import type { Context } from '../context.ts';
import { findEndpoint, headersOf, secretsOf } from './endpoints.ts';
import { outcomeOf, tryMs, type Outcome } from './outcome.ts';
import { payloadOf, signedHeaders, signersOf } from './sign.ts';

/** Sends an event of the type `test` to an endpoint, also to one that is disabled or paused, and answers what came back. */
export async function testEndpoint(
  { db, vault, clock, post }: Context,
  tenantId: string,
  id: string,
  gone: AbortSignal,
): Promise<Outcome & { eventId: string }> {
  const endpoint = await db.tenant(tenantId, (em) => findEndpoint(em, id));
  const keys = await vault.keysOf(db, tenantId);
  const now = clock.now();
  const eventId = `test-${newId()}`;
  const event = { id: eventId, type: 'test', account_id: null, at: now.toISOString(), data: {} };
  const { id: requestId, body } = payloadOf([event], endpoint.eventsPerRequest);
  const signers = signersOf(secretsOf(keys, endpoint));
  const headers = { ...headersOf(keys, endpoint), ...signedHeaders(signers, requestId, body, now) };
  const answer = await post({ url: new URL(endpoint.url), headers, body, withinMs: tryMs, signal: gone });
  return { eventId, ...outcomeOf(answer) };
}

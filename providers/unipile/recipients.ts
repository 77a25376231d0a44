import { jidOf } from '../../domain/identities.ts';
import { ProviderFailure } from '../../domain/failures.ts';
import { asObject } from '../json-object.ts';
import type { Person, ProviderCall } from '../provider.ts';
import { idIn } from '../shared/told-values.ts';
import { refused } from '../shared/outgoing.ts';
import { request } from './client.ts';
import { accountOf, canonicalKey, segment } from './ids.ts';

/** The id by which UniPile reaches a person. Throws `not_found` for a handle that is unknown. */
export async function attendeeId(call: ProviderCall, person: Person): Promise<string> {
  if (person.kind === 'handle') return idOfHandle(call, person.handle);
  if (person.kind === 'identity') {
    if (person.id.trim() === '') throw refused('The id of a recipient is empty.');
    return canonicalKey(call.channel, person.id);
  }
  if (call.channel === 'whatsapp') return jidOf(person.phone);
  throw refused('A number reaches people on WhatsApp alone.');
}

/** GET /users/{identifier}. Instagram's messages go to another id than the profile's. */
async function idOfHandle(call: ProviderCall, handle: string): Promise<string> {
  const query = { account_id: accountOf(call) };
  const user = asObject(await request(call, 'GET', `/users/${segment(handle)}`, undefined, query));
  const id = idIn(user?.['provider_messaging_id']) ?? idIn(user?.['provider_id']);
  if (id !== null) return id;
  throw new ProviderFailure('not_found', 'UniPile knows nobody of this name on the channel.');
}

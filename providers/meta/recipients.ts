import { isBusinessScoped, parseIdentity, phoneOf } from '../../domain/identities.ts';
import { ProviderFailure } from '../../domain/failures.ts';
import { toE164 } from '../../domain/phone.ts';
import { asList, asObject } from '../json-object.ts';
import type { ProviderCall, Recipient } from '../provider.ts';
import { refused } from '../shared/outgoing.ts';
import { idIn } from '../shared/told-values.ts';
import { graph } from './client.ts';
import { nodeOf, segment } from './ids.ts';

/** Ids of people on Messenger and Instagram are numbers; those of threads and messages are not. */
const isPersonId = (key: string): boolean => /^\d{1,40}$/.test(key);

/** The id of the person of a conversation on Messenger or Instagram; a thread of which it is not known is asked for it. */
export async function personId(call: ProviderCall, to: Recipient): Promise<string> {
  if (to.kind === 'identity') {
    if (isPersonId(to.id)) return to.id;
    throw refused('This is no id of a person on the channel.');
  }
  if (to.kind !== 'conversation') throw refused('People are reached by the id that the channel gave them.');
  const known = to.keys.find(isPersonId);
  return known ?? participantOf(call, to.keys[0] ?? null);
}

/** GET /{thread}?fields=participants. */
async function participantOf(call: ProviderCall, thread: string | null): Promise<string> {
  const answer = await graph(call, 'GET', `/${segment(thread)}`, { query: { fields: 'participants' } });
  const self = selfIds(call);
  const people = asList(asObject(answer['participants'])?.['data']).map((one) => idIn(asObject(one)?.['id']));
  const other = people.find((id) => id !== null && !self.has(id)) ?? null;
  if (other !== null) return other;
  throw new ProviderFailure('not_found', 'Meta tells nobody of this conversation.');
}

/** Ids by which the account itself is named. */
export const selfIds = (call: ProviderCall): ReadonlySet<string> =>
  new Set([nodeOf(call), ...(call.providerAccountId ? [call.providerAccountId] : [])]);

/** Fields that say whom a message on WhatsApp goes to: a number with its plus, else a business-scoped id, or a group. */
export function whatsappRecipient(to: Recipient): Readonly<Record<string, string>> {
  if (to.kind === 'handle') throw refused('People on WhatsApp are reached by number or id.');
  const keys = to.kind === 'conversation' ? to.keys : [to.kind === 'phone' ? to.phone : to.id];
  const phones = keys.map((key) => {
    const identity = isBusinessScoped(key) ? null : parseIdentity(key);
    return identity && phoneOf(identity);
  });
  const phone = phones.find((one) => one !== null);
  if (phone) return { recipient_type: 'individual', to: toE164(phone) ?? phone };
  const scoped = keys.find((key) => isBusinessScoped(key) && !key.includes('.ENT.'));
  if (scoped !== undefined) return { recipient_type: 'individual', recipient: scoped };
  const group = to.kind === 'conversation' ? keys.find((key) => !isBusinessScoped(key)) : undefined;
  if (group !== undefined) return { recipient_type: 'group', to: group };
  throw refused('This names nobody on WhatsApp.');
}

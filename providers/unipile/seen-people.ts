import type { Channel } from '../../domain/channels.ts';
import { identityOf, parseIdentity, phoneOf } from '../../domain/identities.ts';
import type { SeenPerson } from '../../domain/seen-messages.ts';
import { asObject, type JsonObject } from '../json-object.ts';
import { eachOnce, flagIn, idIn, nameIn, webAddressIn } from '../shared/told-values.ts';
import { canonicalKey } from './ids.ts';

/** What is known of a person by an id on the channel, and by further ids of WhatsApp: those may read `hidden`. */
export function personOf(
  channel: Channel,
  id: string,
  isSelf: boolean | null,
  more: readonly unknown[] = [],
): SeenPerson {
  const further = channel === 'whatsapp' ? more.flatMap((one) => parseIdentity(idIn(one))?.value ?? []) : [];
  const keys = eachOnce([canonicalKey(channel, id), ...further]);
  const phone = channel === 'whatsapp' ? keys.map((key) => phoneOf(identityOf(key))).find((one) => one !== null) : null;
  return { keys, name: null, phone: phone ?? null, isSelf, pictureUrl: null, pictureSource: null };
}

/** A `ChatAttendee`; null for what names no person. */
export function readAttendee(channel: Channel, entry: unknown): SeenPerson | null {
  const of = asObject(entry);
  const id = idIn(of?.['provider_id']);
  if (!of || id === null) return null;
  const specifics = asObject(of['specifics']);
  const further = [of['public_identifier'], specifics?.['phone_number'], specifics?.['lid']];
  return {
    ...personOf(channel, id, flagIn(of['is_self']), further),
    name: nameIn(of['name']),
    pictureUrl: webAddressIn(of['picture_url']),
    pictureSource: pictureOf(of),
  };
}

const pictureOf = (of: JsonObject): { picture: string } | null => {
  const id = idIn(of['id']);
  return id === null ? null : { picture: id };
};

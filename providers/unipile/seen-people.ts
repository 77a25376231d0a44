import type { Channel } from '../../domain/channels.ts';
import { identityOf, parseIdentity, phoneOf } from '../../domain/identities.ts';
import type { SeenPerson } from '../../domain/seen-messages.ts';
import { cleanText } from '../../domain/text.ts';
import { asObject, type JsonObject } from '../json-object.ts';
import { asFlag, asId, asText, asWebUrl } from '../shared/json-fields.ts';
import { canonicalKey } from './ids.ts';

/** What is known of a person by an id on the channel, and by further ids of WhatsApp: those may read `hidden`. */
export function personOf(
  channel: Channel,
  id: string,
  isSelf: boolean | null,
  more: readonly unknown[] = [],
): SeenPerson {
  const further = channel === 'whatsapp' ? more.flatMap((one) => parseIdentity(asText(one))?.value ?? []) : [];
  const keys = [...new Set([canonicalKey(channel, id), ...further])];
  const phone = channel === 'whatsapp' ? keys.map((key) => phoneOf(identityOf(key))).find((one) => one !== null) : null;
  return { keys, name: null, phone: phone ?? null, isSelf, pictureUrl: null, pictureSource: null };
}

/** A `ChatAttendee`; null for what names no person. */
export function readAttendee(channel: Channel, entry: unknown): SeenPerson | null {
  const of = asObject(entry);
  const id = asId(of?.['provider_id']);
  if (!of || id === null) return null;
  const specifics = asObject(of['specifics']);
  const further = [of['public_identifier'], specifics?.['phone_number'], specifics?.['lid']];
  return {
    ...personOf(channel, id, asFlag(of['is_self']), further),
    name: cleanText(asText(of['name'])),
    pictureUrl: asWebUrl(of['picture_url']),
    pictureSource: pictureOf(of),
  };
}

const pictureOf = (of: JsonObject): { picture: string } | null => {
  const id = asId(of['id']);
  return id === null ? null : { picture: id };
};

import { identitySpellings, phoneIdentity, phoneOf } from '../../domain/identities.ts';
import { toE164 } from '../../domain/phone.ts';
import type { SeenPerson } from '../../domain/seen-messages.ts';
import { asList, asObject, type JsonObject } from '../json-object.ts';
import { eachOnce, flagIn, idIn, nameIn, textIn, webAddressIn } from '../shared/told-values.ts';
import { channelOf } from './ids.ts';
import { addressesIn, chatKey } from '../shared/whatsapp-chats.ts';

/** The people in a body of a messaging event. */
export interface ToldPeople {
  sender: SeenPerson | null;
  attendees: readonly SeenPerson[];
  /** The one that reacted. */
  actor: SeenPerson | null;
  /** An attendee by any id that the body gives them; else a person with this id alone. */
  named(id: string): SeenPerson;
}

/** Reads the people of a body once. */
export function readPeople(body: JsonObject): ToldPeople {
  const account = readAccount(body);
  const person = (told: unknown, isSelf: boolean | null = null): SeenPerson | null => readPerson(account, told, isSelf);
  const sender = person(body['sender'], flagIn(body['is_sender']));
  const known = new Map<string, SeenPerson>();
  const attendees = asList(body['attendees']).flatMap((told) => {
    const one = person(told);
    if (one) addNames(known, told, one);
    return one ?? [];
  });
  if (sender) addNames(known, body['sender'], sender);
  return {
    sender,
    attendees,
    actor: person(body['reaction_sender']),
    named: (id) => known.get(keyOf(account, id)) ?? known.get(id) ?? plainPerson(account, [keyOf(account, id)], null),
  };
}

function addNames(known: Map<string, SeenPerson>, told: unknown, person: SeenPerson): void {
  const id = idIn(asObject(told)?.['attendee_id']);
  for (const key of id === null ? person.keys : [...person.keys, id]) known.set(key, person);
}

/** The account that a body is of. */
interface Account {
  isWhatsApp: boolean;
  /** Its ids in each spelling. */
  keys: ReadonlySet<string>;
}

/** UniPile's name of the channel that a body is of. */
export const typeOf = (body: JsonObject): string | null =>
  (textIn(body['account_type']) ?? textIn(asObject(body['account_info'])?.['type']))?.toUpperCase() ?? null;

export const isWhatsApp = (body: JsonObject): boolean => channelOf(typeOf(body)) === 'whatsapp';

function readAccount(body: JsonObject): Account {
  const info = asObject(body['account_info']);
  const phone = toE164(idIn(info?.['phone_number']));
  const numbers = phone === null ? [] : identitySpellings(phoneIdentity(phone)).map(({ value }) => value);
  return { isWhatsApp: isWhatsApp(body), keys: new Set(eachOnce([...numbers, idIn(info?.['user_id'])])) };
}

/** An id in canonical form. Other channels have ids that look like numbers. */
const keyOf = (account: Account, id: string): string =>
  account.isWhatsApp || id.includes('@') ? (chatKey(id) ?? id) : id;

/** An attendee, or an id alone; null where it has no id. */
function readPerson(account: Account, told: unknown, isSelf: boolean | null): SeenPerson | null {
  const of = asObject(told);
  const id = idIn(of ? (of['attendee_provider_id'] ?? of['provider_id']) : told);
  if (!of) return id === null ? null : plainPerson(account, [keyOf(account, id)], isSelf);
  const specifics = asObject(of['attendee_specifics']);
  const phone = toE164(idIn(specifics?.['phone_number']));
  const isOnWhatsApp = account.isWhatsApp || textIn(specifics?.['provider']) === 'WHATSAPP';
  const names = [id, idIn(specifics?.['lid']), phone, publicAddress(of, id)];
  const addresses = isOnWhatsApp ? addressesIn(names).map(({ value }) => value) : [];
  const keys = eachOnce([id === null ? null : keyOf(account, id), ...addresses]);
  if (!keys.length) return null;
  const person = plainPerson(account, keys, isSelf ?? flagIn(of['is_self']));
  const picture = idIn(of['attendee_id']);
  return {
    ...person,
    name: nameIn(of['attendee_name']),
    phone: phone ?? person.phone,
    pictureUrl: webAddressIn(of['attendee_picture_url'] ?? of['picture_url']),
    pictureSource: picture === null ? null : { picture },
  };
}

/** Bare digits beside a LID may be the LID's own. */
function publicAddress(of: JsonObject, id: string | null): string | null {
  const address = idIn(of['attendee_public_identifier']);
  return id?.endsWith('@lid') && !address?.includes('@') ? null : address;
}

const plainPerson = (account: Account, keys: readonly string[], isSelf: boolean | null): SeenPerson => ({
  keys,
  name: null,
  phone:
    addressesIn(keys.filter((key) => key.includes('@')))
      .map(phoneOf)
      .find((phone) => phone !== null) ?? null,
  isSelf: isSelf ?? isAccount(account, keys),
  pictureUrl: null,
  pictureSource: null,
});

/** Whether a person is the account. Null where the two have no kind of id in common, such as a LID and a number. */
function isAccount(account: Account, keys: readonly string[]): boolean | null {
  if (!account.keys.size) return null;
  if (keys.some((key) => account.keys.has(key))) return true;
  if (!account.isWhatsApp) return false;
  return addressesIn(keys).some(({ kind }) => kind === 'jid') ? false : null;
}

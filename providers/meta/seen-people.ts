import { isBusinessScoped, parseIdentity, phoneOf } from '../../domain/identities.ts';
import { personWithKeys, type SeenPerson } from '../../domain/seen-messages.ts';
import { asObject, type JsonObject } from '../json-object.ts';
import { eachOnce, idIn, nameIn, webAddressIn } from '../shared/told-values.ts';

/**
 * A person on WhatsApp by business-scoped ids and numbers, of which either may be missing or empty; null where none is told.
 * Business-scoped ids come first: they stay where the number is hidden.
 */
export function whatsappPerson(
  ids: readonly (string | null)[],
  isSelf: boolean | null,
  name: string | null = null,
): SeenPerson | null {
  const scoped = ids.filter((id) => id !== null && isBusinessScoped(id));
  const numbers = ids.flatMap((id) => (id === null || isBusinessScoped(id) ? [] : (parseIdentity(id) ?? [])));
  const keys = eachOnce([...scoped, ...numbers.map(({ value }) => value)]);
  if (!keys.length) return null;
  const phone = numbers.map(phoneOf).find((one) => one !== null) ?? null;
  return { ...personWithKeys(keys), isSelf, name, phone };
}

/** A participant of a conversation of Messenger or Instagram; null for what has no id. `self`: ids of the account itself. */
export function readParticipant(entry: unknown, self: ReadonlySet<string>): SeenPerson | null {
  const of = asObject(entry);
  const id = idIn(of?.['id']);
  if (!of || id === null) return null;
  const isSelf = self.has(id);
  const name = nameIn(of['name']) ?? nameIn(of['username']);
  return { ...personWithKeys([id]), name, isSelf, pictureSource: isSelf ? null : { person: id } };
}

/** A profile of a person: the picture's address ends after some days, and is asked for anew. */
export function readProfile(id: string, of: JsonObject): SeenPerson {
  const full = [nameIn(of['first_name']), nameIn(of['last_name'])].filter((one) => one !== null).join(' ');
  return {
    ...personWithKeys([id]),
    name: nameIn(of['name']) ?? nameIn(full) ?? nameIn(of['username']),
    isSelf: false,
    pictureUrl: webAddressIn(of['profile_pic']),
    pictureSource: { person: id },
  };
}

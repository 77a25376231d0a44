import { groupCount, groupMembers } from '../world/generated-people.ts';
import { findPerson, person } from '../world/people.ts';
import { mix } from '../world/random.ts';
import { jidOf, LID_SUFFIX, PHONE_SUFFIX, typedPhone } from '../world/whatsapp.ts';
import type { ContactList } from './contact-list.ts';
import { notFound, WasenderError } from './errors.ts';

export interface Identity {
  /** A number's JID, or a LID. */
  jid: string;
  /** Digits. */
  phone: string;
  lid: string;
  /** The index among the generated contacts; null: none of them. */
  index: number | null;
}

/** Of people without contact, number and LID follow from each other. */
export const unlistedLid = (phone: string): string => `901${phone}${LID_SUFFIX}`;
const UNLISTED_LID = /^901(\d{6,15})@lid$/;

function identityAt(contacts: ContactList, index: number): Identity {
  const found = person(contacts.people, 'WHATSAPP', index, contacts.options.lid_only);
  return { jid: found.providerId, phone: found.phone!, lid: found.lid!, index };
}

/** By number, JID (without its device part) or LID; null for any other text. */
export function findIdentity(contacts: ContactList, text: string): Identity | null {
  const plain = text.trim().replace(/:\d+(?=@)/, '');
  const index = findPerson(contacts.people, 'WHATSAPP', plain, contacts.options.lid_only);
  if (index !== null) return identityAt(contacts, index);
  const isLid = plain.endsWith(LID_SUFFIX);
  const number = plain.endsWith(PHONE_SUFFIX) ? plain.slice(0, -PHONE_SUFFIX.length) : plain;
  const phone = isLid ? (UNLISTED_LID.exec(plain)?.[1] ?? null) : typedPhone(number);
  return phone === null ? null : { jid: isLid ? plain : jidOf(phone), phone, lid: unlistedLid(phone), index: null };
}

/** Throws 422. */
export function requireIdentity(contacts: ContactList, text: string): Identity {
  const identity = findIdentity(contacts, text);
  if (!identity) throw new WasenderError(422, 'Invalid JID');
  return identity;
}

/** Other numbers that end in 0000 have no WhatsApp. */
export const onWhatsapp = (identity: Identity): boolean => identity.index !== null || !identity.phone.endsWith('0000');

export const isGroup = (jid: string): boolean => jid.endsWith('@g.us');
const GROUP = /^120363(\d{5})(\d{7})@g\.us$/;

export function groupJid({ people }: ContactList, group: number): string {
  return `120363${String(people.hash % 100_000).padStart(5, '0')}${String(group).padStart(7, '0')}@g.us`;
}

/** Throws 404. */
export function findGroup(contacts: ContactList, jid: string): number {
  const group = Number(GROUP.exec(jid)?.[2] ?? -1);
  if (group < 0 || group >= groupCount(contacts.people) || groupJid(contacts, group) !== jid) throw notFound('Group');
  return group;
}

export const groupName = (group: number): string => `Group ${group + 1}`;
export const groupPictureSeed = ({ people }: ContactList, group: number): number => mix(people.hash, group, 201);

export function participants(contacts: ContactList, group: number): { id: string; admin?: 'admin' }[] {
  return groupMembers(contacts.people, group).map((index, n) => ({
    id: identityAt(contacts, index).jid,
    ...(n === 0 && { admin: 'admin' as const }),
  }));
}

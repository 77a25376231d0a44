import { groupCount, groupMembers } from '../world/address-book.ts';
import { findPerson, person } from '../world/people.ts';
import { mix } from '../world/random.ts';
import { jidOf, LID_SUFFIX, PHONE_SUFFIX, typedPhone } from '../world/whatsapp.ts';
import type { ContactList } from './contact-list.ts';
import { notFound, WasenderError } from './errors.ts';

/** A person with WhatsApp, in the address book or not. */
export interface Identity {
  /** As the service names the person: a number's JID, or a LID. */
  jid: string;
  /** Digits. */
  phone: string;
  lid: string;
  /** Place in the address book; null: outside it. */
  index: number | null;
}

/** Outside the address book the LID follows from the number, and the number from the LID. */
export const strangerLid = (phone: string): string => `901${phone}${LID_SUFFIX}`;
const STRANGER_LID = /^901(\d{6,15})@lid$/;

function identityAt(contacts: ContactList, index: number): Identity {
  const found = person(contacts.book, 'WHATSAPP', index, contacts.options.lid_only);
  return { jid: found.providerId, phone: found.phone!, lid: found.lid!, index };
}

/** The person with this number, JID (its device part is ignored) or LID; null when the text is none of these. */
export function findIdentity(contacts: ContactList, text: string): Identity | null {
  const plain = text.trim().replace(/:\d+(?=@)/, '');
  const index = findPerson(contacts.book, 'WHATSAPP', plain, contacts.options.lid_only);
  if (index !== null) return identityAt(contacts, index);
  const isLid = plain.endsWith(LID_SUFFIX);
  const number = plain.endsWith(PHONE_SUFFIX) ? plain.slice(0, -PHONE_SUFFIX.length) : plain;
  const phone = isLid ? (STRANGER_LID.exec(plain)?.[1] ?? null) : typedPhone(number);
  return phone === null ? null : { jid: isLid ? plain : jidOf(phone), phone, lid: strangerLid(phone), index: null };
}

/** Throws 422. */
export function requireIdentity(contacts: ContactList, text: string): Identity {
  const identity = findIdentity(contacts, text);
  if (!identity) throw new WasenderError(422, 'Invalid JID');
  return identity;
}

/** Numbers that end in 0000 have no WhatsApp, unless they are in the address book. */
export const onWhatsapp = (identity: Identity): boolean => identity.index !== null || !identity.phone.endsWith('0000');

export const isGroup = (jid: string): boolean => jid.endsWith('@g.us');
const GROUP = /^120363(\d{5})(\d{7})@g\.us$/;

export function groupJid({ book }: ContactList, group: number): string {
  return `120363${String(book.hash % 100_000).padStart(5, '0')}${String(group).padStart(7, '0')}@g.us`;
}

/** Throws 404. */
export function findGroup(contacts: ContactList, jid: string): number {
  const group = Number(GROUP.exec(jid)?.[2] ?? -1);
  if (group < 0 || group >= groupCount(contacts.book) || groupJid(contacts, group) !== jid) throw notFound('Group');
  return group;
}

export const groupName = (group: number): string => `Group ${group + 1}`;
export const groupPictureSeed = ({ book }: ContactList, group: number): number => mix(book.hash, group, 201);

export function participants(contacts: ContactList, group: number): { id: string; admin?: 'admin' }[] {
  return groupMembers(contacts.book, group).map((index, n) => ({
    id: identityAt(contacts, index).jid,
    ...(n === 0 && { admin: 'admin' as const }),
  }));
}

import { groupCount, groupMembers } from '../unipile/generated-chats.ts';
import type { ContactBook } from './contact-list.ts';
import { invalidJid, notFound } from './errors.ts';
import { findPerson, person } from '../world/people.ts';
import { mix } from '../world/random.ts';

const PN = '@s.whatsapp.net';
const LID = '@lid';

/** Somebody with WhatsApp, in the address book or not. */
export interface Peer {
  /** How the service names them: a number's JID, or a LID. */
  jid: string;
  /** Digits. */
  phone: string;
  lid: string;
  /** Null: outside the book. */
  index: number | null;
}

export const jidOf = (phone: string): string => `${phone}${PN}`;
export const isGroup = (jid: string): boolean => jid.endsWith('@g.us');

/** Outside the book the LID follows from the number, and back. */
export const strangerLid = (phone: string): string => `901${phone}${LID}`;

export function peerAt(contacts: ContactBook, index: number): Peer {
  const found = person(contacts.book, 'WHATSAPP', index, contacts.options.lid_only);
  return { jid: found.providerId, phone: found.phone!, lid: found.lid!, index };
}

/** Who has this number, JID (a device part is ignored) or LID; null when it is none of these. */
export function findPeer(contacts: ContactBook, text: string): Peer | null {
  const plain = text.trim().replace(/:\d+(?=@)/, '');
  const index = findPerson(contacts.book, 'WHATSAPP', plain, contacts.options.lid_only);
  if (index !== null) return peerAt(contacts, index);
  const phone = phoneIn(plain);
  return phone === null
    ? null
    : { jid: plain.endsWith(LID) ? plain : jidOf(phone), phone, lid: strangerLid(phone), index: null };
}

/** Throws 422. */
export function requirePeer(contacts: ContactBook, text: string): Peer {
  const peer = findPeer(contacts, text);
  if (!peer) throw invalidJid();
  return peer;
}

function phoneIn(plain: string): string | null {
  if (plain.endsWith(LID)) return /^901(\d{6,15})@lid$/.exec(plain)?.[1] ?? null;
  const digits = (plain.endsWith(PN) ? plain.slice(0, -PN.length) : plain).replaceAll(/[\s+()-]/g, '');
  return /^\d{6,15}$/.test(digits) ? digits : null;
}

/** Numbers that end in 0000 have no WhatsApp, unless they are in the book. */
export const onWhatsapp = (peer: Peer): boolean => peer.index !== null || !peer.phone.endsWith('0000');

const GROUP = /^120363(\d{5})(\d{7})@g\.us$/;

/** Groups follow from the book: one for every twenty people. */
export function groupJid({ book }: ContactBook, group: number): string {
  return `120363${String(book.hash % 100_000).padStart(5, '0')}${String(group).padStart(7, '0')}@g.us`;
}

/** Throws 404. */
export function findGroup(contacts: ContactBook, jid: string): number {
  const group = Number(GROUP.exec(jid)?.[2] ?? -1);
  if (group < 0 || group >= groupCount(contacts.book) || groupJid(contacts, group) !== jid) throw notFound('Group');
  return group;
}

export const groupTotal = ({ book }: ContactBook): number => groupCount(book);
export const groupName = (group: number): string => `Group ${group + 1}`;
export const groupPictureSeed = ({ book }: ContactBook, group: number): number => mix(book.hash, group, 201);

export function participants(contacts: ContactBook, group: number): { id: string; admin?: 'admin' }[] {
  return groupMembers(contacts.book, group).map((index, n) => ({
    id: peerAt(contacts, index).jid,
    ...(n === 0 && { admin: 'admin' as const }),
  }));
}

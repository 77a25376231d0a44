import { findPerson, person } from '../unipile/people.ts';
import type { ContactBook } from './contact-book.ts';
import { invalidJid } from './errors.ts';

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

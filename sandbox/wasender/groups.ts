import { mix } from '../seeded.ts';
import { groupCount, groupMembers } from '../unipile/generated.ts';
import type { ContactBook } from './contact-book.ts';
import { notFound } from './errors.ts';
import { peerAt } from './peer.ts';

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

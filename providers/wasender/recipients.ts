import type { Recipient } from '../provider.ts';
import { refused } from '../shared/outgoing.ts';
import { isLid, phoneOf, toJid } from './ids.ts';

const isGroup = (key: string): boolean => /^[\w-]+@(g\.us|newsletter)$/.test(key);

/** Where WASender sends: a number with its plus, a LID, group or channel as it is, or a user name. */
export function recipient(to: Recipient): string {
  if (to.kind === 'handle') {
    if (/^@?[\w.]{3,60}$/.test(to.handle) && /[a-z]/i.test(to.handle)) return to.handle;
    throw refused('This is no user name of WhatsApp.');
  }
  if (to.kind !== 'conversation') return person([to.kind === 'phone' ? to.phone : to.id]);
  return to.keys.find(isGroup) ?? person(to.keys);
}

function person(keys: readonly string[]): string {
  const jids = keys.flatMap((key) => toJid(key) ?? []);
  const known = jids.map(phoneOf).find((phone) => phone !== null) ?? jids.find(isLid);
  if (known === undefined) throw refused('This is neither a number, nor a JID, nor a group or channel.');
  return known;
}

/** The JID, LID, group or channel that a chat has. */
export function chatJid(conversation: readonly string[]): string {
  const jid = conversation.find(isGroup) ?? conversation.flatMap((key) => toJid(key) ?? [])[0];
  if (jid === undefined) throw refused('This is neither a number, nor a JID, nor a group or channel.');
  return jid;
}

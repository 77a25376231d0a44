import type { Channel } from './channels.ts';
import { isBusinessScoped, jidOf, parseIdentity, phoneOf } from './identities.ts';
import { isSpelledAsPhone, readPhone } from './phone.ts';

/** A person that a conversation is begun with: by number (E.164), by the channel's id, or by the public name there. */
export type StoredPerson =
  | { kind: 'phone'; phone: string }
  | { kind: 'identity'; id: string }
  | { kind: 'handle'; handle: string };

/** A recipient as a caller names it: a number, an id of the channel, or a handle with its `@`. Null for anything else. */
export function readRecipient(channel: Channel, text: string): StoredPerson | null {
  const given = text.trim();
  const phone = isSpelledAsPhone(given) && (given.startsWith('+') || channel === 'whatsapp') ? readPhone(given) : null;
  if (phone) return { kind: 'phone', phone };
  if (!/^[^\p{Cc}\s/]{1,255}$/u.test(given)) return null;
  if (given.startsWith('@')) return given.length > 1 ? { kind: 'handle', handle: given.slice(1) } : null;
  if (channel !== 'whatsapp' || isBusinessScoped(given)) return { kind: 'identity', id: given };
  const identity = given.includes('@') ? parseIdentity(given) : null;
  if (!identity) return null;
  const number = phoneOf(identity);
  return number ? { kind: 'phone', phone: number } : { kind: 'identity', id: identity.value };
}

/** What stands for a person in the ids of attendees. */
export function personKey(channel: Channel, person: StoredPerson): string {
  if (person.kind === 'phone') return channel === 'whatsapp' ? jidOf(person.phone) : person.phone;
  return person.kind === 'identity' ? person.id : `@${person.handle}`;
}

import type { ConversationKind } from './conversations.ts';
import { displayName } from './contacts.ts';
import { parseIdentity, phoneOf } from './identities.ts';

/** An attendee as its provider names it. */
interface NamedAttendee {
  providerAttendeeId: string;
  name: string | null;
  phoneNumber: string | null;
}
interface NamedContact {
  verifiedName: string | null;
  name: string | null;
  company: string | null;
  phoneNumber: string | null;
}

/** An attendee's number (E.164), from the contact, the provider or its identity. */
export function attendeePhone(attendee: NamedAttendee, contact: NamedContact | null): string | null {
  const identity = parseIdentity(attendee.providerAttendeeId);
  return contact?.phoneNumber ?? attendee.phoneNumber ?? (identity && phoneOf(identity));
}

/** The contact's verified name, name, company, then the number; the attendee's own name stands in for a missing name. */
export const attendeeName = (attendee: NamedAttendee, contact: NamedContact | null): string =>
  displayName({
    verifiedName: contact?.verifiedName ?? null,
    name: contact?.name ?? attendee.name,
    company: contact?.company ?? null,
    phoneNumber: attendeePhone(attendee, contact),
  });

/** A group's own name, else its first people; a conversation with one person has that person's name. */
export function conversationName(kind: ConversationKind, own: string | null, people: readonly string[]): string {
  const named = kind === 'person' ? people[0] : (own ?? (people.join(', ') || undefined));
  return named ?? own ?? (kind === 'person' ? 'Unknown contact' : 'Unnamed group');
}

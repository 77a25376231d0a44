import type { Em } from '../../db/connect.ts';
import type { ListedContact } from '../../db/entities/contacts.ts';
import type { Attendee } from '../../db/entities/conversations.ts';
import { attendeesById, contactsOfAttendees } from '../../db/queries/conversations/people.ts';
import { attendeeName, attendeePhone } from '../../domain/attendee-names.ts';

/** An attendee with the contact that it is, and what both together tell. */
export interface Person {
  attendee: Attendee;
  contact: ListedContact | null;
  name: string;
  /** E.164. */
  phone: string | null;
}

/** People by each of the ids of attendees that they are asked for by. Unknown ids are left out. */
export async function peopleById(em: Em, ids: Iterable<string>): Promise<Map<string, Person>> {
  const attendees = await attendeesById(em, ids);
  const contacts = await contactsOfAttendees(em, [...new Set(attendees.values())]);
  return new Map(
    [...attendees].map(([id, attendee]) => {
      const contact = contacts.get(attendee.id) ?? null;
      return [
        id,
        { attendee, contact, name: attendeeName(attendee, contact), phone: attendeePhone(attendee, contact) },
      ];
    }),
  );
}

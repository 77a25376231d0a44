import { SubjectSet, type People } from '../../domain/erasure.ts';
import { asList, asObject, type JsonObject } from '../json-object.ts';

/** The fields of a body that hold attendees: sender, recipients, the one that reacted, the sender of a quoted message. */
const attendeesAt = ['sender', 'attendees', 'reaction_sender', 'quoted'] as const;
/** Where it holds a person's id on the channel itself. */
const idsAt = ['sender_id', 'sender_provider_id', 'user_provider_id', 'attendee_provider_id'] as const;

/** The people in a body of UniPile: attendees by number, JID, LID or channel id, and JIDs in texts. */
export function peopleOf(body: JsonObject): People {
  const people = new SubjectSet();
  for (const place of attendeesAt) for (const one of asList(body[place])) addAttendee(people, asObject(one));
  for (const place of idsAt) people.addId(body[place]);
  people.add(asObject(body['account_info'])?.['phone_number']);
  for (const reader of Object.keys(asObject(body['seen_by']) ?? {})) {
    if (people.isFull) break;
    people.add(reader);
  }
  people.addMentions(body);
  return people.people();
}

function addAttendee(people: SubjectSet, attendee: JsonObject | null): void {
  if (!attendee || people.isFull) return;
  const specifics = asObject(attendee['attendee_specifics']);
  people.addId(attendee['attendee_provider_id'] ?? attendee['sender_provider_id']);
  people.add(attendee['attendee_public_identifier']);
  people.add(specifics?.['phone_number']);
  people.add(specifics?.['lid']);
}

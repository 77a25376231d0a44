import { SubjectSet, type People } from '../../domain/erasure.ts';
import { asList, asObject, type JsonObject } from '../json-object.ts';
import { field } from './fields.ts';

/** Fields of a message's key that name people, also by bare digits. */
const inKey = [
  'remoteJid',
  'participant',
  'senderPn',
  'cleanedSenderPn',
  'cleanSenderPn',
  'senderLid',
  'participantPn',
  'cleanedParticipantPn',
  'cleanParticipantPn',
  'participantLid',
] as const;
const inEntry = ['id', 'jid', 'lid', 'phoneNumber', 'remoteJid', 'from', 'author', 'userJid'] as const;
/** Where an item of an event holds further people: texts, or entries of their own. */
const lists = ['participants', 'voters', 'receipt', 'contacts'] as const;

/**
 * The people in an item of an event (or in a list of entries): those in the fields that name people, and those
 * spelled as a JID anywhere in `whole`.
 */
export function peopleOf(item: unknown, whole: unknown): People {
  const people = new SubjectSet();
  for (const one of asList(item)) {
    if (people.isFull) break;
    addItem(people, one);
  }
  people.addMentions(whole);
  return people.people();
}

function addItem(people: SubjectSet, item: unknown): void {
  if (typeof item === 'string') people.add(item);
  const of = asObject(item);
  addKey(people, asObject(field(of, 'key')) ?? of);
  addKey(people, asObject(field(asObject(field(of, 'reaction')), 'key')));
  addEntry(people, of);
  for (const name of lists)
    for (const one of asList(field(of, name))) {
      if (people.isFull) return;
      if (typeof one === 'string') people.add(one);
      else addEntry(people, asObject(one));
    }
}

function addKey(people: SubjectSet, key: JsonObject | null): void {
  for (const name of inKey) people.add(field(key, name));
}

function addEntry(people: SubjectSet, entry: JsonObject | null): void {
  for (const name of inEntry) {
    const value = field(entry, name);
    // A number is a chat's or an account's own id.
    if (typeof value === 'string') people.add(value);
  }
}

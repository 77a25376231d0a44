import type { SeenPerson } from '../../domain/seen-messages.ts';
import type { ToldConversation } from '../../domain/webhook-events.ts';
import { asList, asObject, type JsonObject } from '../json-object.ts';
import { eachOnce, idIn, nameIn } from '../shared/told-values.ts';
import { at } from './webhooks-item.ts';
import { whatsappPerson } from './seen-people.ts';

/** What stands beside the messages of a value, by each id of a person. */
export type People = ReadonlyMap<string, JsonObject>;

/** More people than one value is shown with. */
const mostPeople = 5_000;

export function peopleIn(contacts: unknown): People {
  const people = new Map<string, JsonObject>();
  for (const entry of asList(contacts).slice(0, mostPeople)) {
    const of = asObject(entry);
    for (const id of [idIn(of?.['wa_id']), idIn(of?.['user_id'])]) if (of && id !== null) people.set(id, of);
  }
  return people;
}

/** The person at the other end, or the sender in a group. `keys` is empty where nothing names one. */
export interface Partner {
  person: SeenPerson | null;
  keys: readonly string[];
}

/**
 * Who a message is from, or goes to: by number, by business-scoped id, or by both, and by earlier ones where a message tells
 * that they have changed.
 */
export function personOfMessage(people: People, of: JsonObject, isOwn: boolean, thread: string | null): Partner {
  const system = at(of, 'system');
  const [number, user, parent] = isOwn
    ? [idIn(of['to']) ?? thread, idIn(of['to_user_id']), null]
    : [idIn(of['from']) ?? thread, idIn(of['from_user_id']), idIn(of['from_parent_user_id'])];
  const beside = people.get(user ?? '') ?? people.get(number ?? '');
  const changed = ['wa_id', 'user_id', 'previous_user_id', 'parent_user_id', 'previous_parent_user_id'] as const;
  const ids = [
    user ?? idIn(beside?.['user_id']),
    number ?? idIn(beside?.['wa_id']),
    parent ?? idIn(beside?.['parent_user_id']),
    ...(system ? changed.map((name) => idIn(system[name])) : []),
  ];
  const profile = at(beside, 'profile');
  const person = whatsappPerson(ids, false, nameIn(profile?.['name']) ?? nameIn(profile?.['username']));
  return { person, keys: person?.keys ?? [] };
}

/** A group by its id, else the conversation with the person: it has every id of theirs. */
export function conversationOf(of: JsonObject, { person, keys }: Partner): ToldConversation {
  const group = idIn(of['group_id']);
  if (group !== null) return { keys: [group], kind: 'group', ...(person && { attendees: [person] }) };
  return { keys: eachOnce([...keys]), kind: 'person', ...(person && { attendees: [person] }) };
}

import { SubjectSet, type People } from '../../domain/erasure.ts';
import type { EventContent, ReadRequest, WebhookEvent } from '../../domain/webhook-events.ts';
import { asList, asObject, parseObject, type JsonObject } from '../json-object.ts';
import type { WebhookRequest } from '../provider.ts';
import { idIn } from '../shared/told-values.ts';
import { readChange } from './webhooks-changes.ts';
import { readMessaging } from './webhooks-messaging.ts';
import { digestOf, isChannelObject, type Item, type ToldEvent } from './webhooks-item.ts';

/**
 * The events of a request: one or more for each item of each entry. Items that cannot be read stay beside the others. Null for
 * a body that is not Meta's.
 */
export function readWebhook({ raw }: WebhookRequest): ReadRequest {
  const body = raw.toString('utf8');
  const parsed = parseObject(body);
  const object = idIn(parsed?.['object']);
  const entries = parsed?.['entry'];
  if (object === null || !Array.isArray(entries)) return { body, events: null, mentions: mentionsIn(parsed ?? body) };
  const events = entries.flatMap((entry) => itemsOf(object, entry)).flatMap(eventsOf);
  return { body, events, mentions: [] };
}

function mentionsIn(value: unknown): People {
  const people = new SubjectSet();
  people.addMentions(value);
  return people.people();
}

/** Where an entry holds its items, and what reads each. */
const lists = ['messaging', 'standby', 'changes'] as const;

function itemsOf(object: string, value: unknown): Item[] {
  const entry = asObject(value);
  const account = idIn(entry?.['id']);
  if (!entry || account === null) return [{ object, list: 'entry', account: null, time: null, of: value }];
  const items = lists.flatMap((list) =>
    asList(entry[list]).map((of): Item => ({ object, list, account, time: entry['time'], of })),
  );
  return items.length ? items : [{ object, list: 'entry', account, time: entry['time'], of: entry }];
}

/** Any item may be of a shape that nothing documents. */
function eventsOf(item: Item): WebhookEvent[] {
  const told = tryRead(item) ?? [{ type: 'unreadable', key: null, content: { kind: 'unreadable' } }];
  const subjects = tryPeople(told, item);
  const digest = told.some(({ key }) => key === null)
    ? digestOf([item.object, item.account, item.list, item.of])
    : undefined;
  return told.map((one, n) => {
    const key = one.key ?? `${one.type}:${digest}${n ? `:${n}` : ''}`;
    return frame(item, one, key, n ? [] : subjects);
  });
}

function tryRead(item: Item): ToldEvent[] | null {
  const of = asObject(item.of);
  if (!of || item.account === null) return null;
  try {
    if (item.list === 'changes') return readChange(item, of);
    if (item.list !== 'entry' && isChannelObject(item.object)) return readMessaging(item, of);
    return [{ type: `${typeName(item.object)}.${item.list}`, key: null, content: { kind: 'other' } }];
  } catch {
    return null;
  }
}

/** The people of an item belong to its first event. */
function tryPeople(told: readonly ToldEvent[], { of }: Item): People {
  const people = new SubjectSet();
  for (const { people: named = [] } of told) for (const one of named) people.addId(one);
  people.addMentions(of);
  return people.people();
}

const typeName = (text: string): string => (/^[a-z_]{1,60}$/.test(text) ? text : 'unknown');

function frame(item: Item, { login, group, type, content }: ToldEvent, key: string, subjects: People): WebhookEvent {
  const isGrouped = group !== undefined;
  const account = isGrouped ? null : login === undefined ? loginOf(item) : login;
  return {
    ...(content satisfies EventContent),
    dedupeKey: `${group ?? account ?? ''}:${key}`,
    providerAccountId: account,
    ...(isGrouped && { providerGroup: group }),
    type,
    subjects,
  };
}

/** A Page or an Instagram account; of WhatsApp the entry names the business account alone. */
const loginOf = ({ object, account }: Item): string | null => (isChannelObject(object) ? account : null);

/** The body of an event that is stored and has no effect, for the doctor. */
export const selfTest = (mark: string): JsonObject => ({
  object: 'page',
  entry: [{ id: mark, time: 0, changes: [{ field: 'patchbay_doctor', value: { mark } }] }],
});

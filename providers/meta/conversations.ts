import { ProviderFailure } from '../../domain/failures.ts';
import { isBusinessScoped } from '../../domain/identities.ts';
import type { SeenConversation, SeenMessage, SeenPerson } from '../../domain/seen-messages.ts';
import { epochMs } from '../../domain/webhook-events.ts';
import type { Period, SeenPage } from '../contract/conversations.ts';
import { asList, type JsonObject } from '../json-object.ts';
import type { Conversations, ProviderCall } from '../provider.ts';
import { orNullIfUnknown } from '../shared/errors.ts';
import { eachOnce, idIn } from '../shared/told-values.ts';
import { graph, graphPage } from './client.ts';
import { isGraphError } from './errors.ts';
import { nodeOf, segment } from './ids.ts';
import { selfIds } from './recipients.ts';
import { readMessage } from './seen-messages.ts';
import { readParticipant, readProfile, whatsappPerson } from './seen-people.ts';
import { at } from './webhooks-item.ts';

const listFields = 'id,updated_time,participants';

/** GET /{Page or account}/conversations. There is no parameter for a time: the list is read until it is older. */
async function list(call: ProviderCall, cursor: string | null, since?: number): Promise<SeenPage<SeenConversation>> {
  const query = { ...platformOf(call), fields: listFields, limit: '50' };
  const { items, next } = await graphPage(call, `/${segment(nodeOf(call))}/conversations`, cursor, { query });
  if (next !== null && next === cursor)
    throw new ProviderFailure('provider_unavailable', 'Meta answered the same page of a list again.');
  const read = items.flatMap((one) => readThread(one, selfIds(call)) ?? []);
  const isOld = ({ lastMessageAt }: SeenConversation): boolean =>
    since !== undefined && lastMessageAt !== null && lastMessageAt <= since;
  const isOver = read.some(isOld);
  const kept = read.filter((one) => !isOld(one));
  const left = read.length - kept.length;
  return { items: kept, delivered: items.length - left, cursor: isOver ? null : next };
}

const platformOf = ({ channel }: ProviderCall): { platform: string } => {
  if (channel === 'instagram' || channel === 'messenger') return { platform: channel };
  throw new ProviderFailure('unsupported', 'WhatsApp keeps no history that can be read.');
};

/** A conversation of a list; null for what has no id. Its person's id is a key of it, as webhooks name it by that alone. */
export function readThread(of: JsonObject, self: ReadonlySet<string>): SeenConversation | null {
  const id = idIn(of['id']);
  if (id === null) return null;
  const people = asList(at(of, 'participants')?.['data']).flatMap((one) => readParticipant(one, self) ?? []);
  const others = people.filter(({ isSelf }) => isSelf !== true);
  const [other] = others;
  const isGroup = others.length > 1;
  return {
    keys: eachOnce([id, ...(isGroup ? [] : (other?.keys ?? []))]),
    kind: isGroup ? 'group' : 'person',
    name: null,
    lastMessageAt: epochMs(of['updated_time']),
    attendees: people,
  };
}

/** The content of so many messages of a conversation can be read, whatever it has (Meta's documentation, February 2026). */
const readable = 20;

/** Fields that the documentation of messages lists, and further ones that both platforms have in practice. */
const documented = 'id,created_time,from,to,message,reply_to';
const further = {
  messenger: 'attachments,shares,sticker',
  instagram: 'attachments,shares,story,reactions,is_unsupported',
};

/**
 * GET /{thread}/messages: the newest ones. There the history ends, and says so. Messages before a time are not asked for: all
 * that can be read came with the newest ones.
 */
async function messages(
  call: ProviderCall,
  conversation: readonly string[],
  _cursor: string | null,
  { after, before }: Period = {},
): Promise<SeenPage<SeenMessage>> {
  platformOf(call);
  if (before !== undefined) return { items: [], delivered: 0, cursor: null, isCut: true };
  const { items, hasOlder } = await newestMessages(call, conversation);
  const self = selfIds(call);
  const times = items.map((one) => epochMs(one['created_time'])).filter((one) => one !== null);
  const within = items.filter((one) => {
    const sentAt = epochMs(one['created_time']);
    return sentAt === null || after === undefined || sentAt > after;
  });
  const read = within.flatMap((one) => readMessage(one, conversation, self) ?? []);
  const isCut = hasOlder && (after === undefined || times.every((one) => one > after));
  return { items: read, delivered: within.length, cursor: null, ...(isCut && { isCut }) };
}

/** What can be read of a conversation, newest first; `hasOlder`: it has further messages, which cannot. */
export async function newestMessages(
  call: ProviderCall,
  conversation: readonly string[],
): Promise<{ items: JsonObject[]; hasOlder: boolean }> {
  const { platform } = platformOf(call);
  const path = `/${segment(await threadId(call, conversation))}/messages`;
  const asked = (fields: string): ReturnType<typeof graphPage> =>
    graphPage(call, path, null, { query: { fields, limit: String(readable) } });
  const more = platform === 'instagram' ? further.instagram : further.messenger;
  const { items, next } = await asked(`${documented},${more}`).catch((error: unknown) => {
    // A field that the platform or the version does not have.
    if (isGraphError(error, 100) && error.code === 'request_refused') return asked(documented);
    throw error;
  });
  return { items: items.slice(0, readable), hasOlder: next !== null || items.length > readable };
}

/** Meta's id of a conversation, by its person where that alone is known. Throws `not_found`. */
async function threadId(call: ProviderCall, conversation: readonly string[]): Promise<string> {
  const known = conversation.find((key) => !/^\d+$/.test(key));
  if (known !== undefined) return known;
  const found = await threadOf(call, conversation[0] ?? null);
  const id = idIn(found?.['id']);
  if (id !== null) return id;
  throw new ProviderFailure('not_found', 'Meta knows no conversation with this person.');
}

/** GET /{Page or account}/conversations?user_id=. */
async function threadOf(call: ProviderCall, person: string | null): Promise<JsonObject | null> {
  const query = { ...platformOf(call), user_id: person ?? '', fields: listFields };
  const { items } = await graphPage(call, `/${segment(nodeOf(call))}/conversations`, null, { query });
  return items[0] ?? null;
}

/** WhatsApp has no conversations to ask for: the one with a person is what its ids say. */
async function one(call: ProviderCall, conversation: readonly string[]): Promise<SeenConversation | null> {
  if (call.channel === 'whatsapp') return onWhatsapp(conversation);
  const known = conversation.find((key) => !/^\d+$/.test(key));
  const found =
    known === undefined
      ? await threadOf(call, conversation[0] ?? null)
      : await orNullIfUnknown(graph(call, 'GET', `/${segment(known)}`, { query: { fields: listFields } }));
  return found && readThread(found, selfIds(call));
}

function onWhatsapp(conversation: readonly string[]): SeenConversation | null {
  const person = whatsappPerson(
    conversation.filter((key) => isBusinessScoped(key) || key.includes('@')),
    false,
  );
  if (!person) return null;
  return { keys: conversation, kind: 'person', name: null, lastMessageAt: null, attendees: [person] };
}

const profileFields = {
  messenger: 'id,name,first_name,last_name,profile_pic',
  instagram: 'id,name,username,profile_pic',
};

/** The people of a conversation with their profiles, as far as Meta shows these. */
async function attendees(call: ProviderCall, conversation: readonly string[]): Promise<SeenPerson[]> {
  const found = await one(call, conversation);
  const people: SeenPerson[] = [];
  for (const person of found?.attendees ?? []) {
    const isOther = call.channel !== 'whatsapp' && person.isSelf !== true;
    const profile = isOther ? await profileOf(call, person.keys[0] ?? '') : null;
    people.push(profile ? { ...profile, name: profile.name ?? person.name } : person);
  }
  return people;
}

/** GET /{person}. Null where the person did not agree, blocked the account, or has none: nothing else fails by that. */
export async function profileOf(call: ProviderCall, id: string): Promise<SeenPerson | null> {
  const fields = call.channel === 'instagram' ? profileFields.instagram : profileFields.messenger;
  try {
    return readProfile(id, await graph(call, 'GET', `/${segment(id)}`, { query: { fields } }));
  } catch (error) {
    const isHidden = error instanceof ProviderFailure && hidden.has(error.code);
    if (isHidden) return null;
    throw error;
  }
}

/** WhatsApp's webhooks tell names, and no call does. */
const profile = (call: ProviderCall, [id = '']: readonly string[]): Promise<SeenPerson | null> =>
  call.channel === 'whatsapp' ? Promise.resolve(null) : profileOf(call, id);

const hidden: ReadonlySet<string> = new Set([
  'not_found',
  'request_refused',
  'permission_missing',
  'recipient_unreachable',
]);

export const conversations = {
  history: ['messenger', 'instagram'],
  polled: ['messenger', 'instagram'],
  list,
  messages,
  one,
  attendees,
  profile,
  states: [],
} satisfies Conversations;

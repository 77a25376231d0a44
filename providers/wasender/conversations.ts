import { ProviderFailure } from '../../domain/failures.ts';
import type { SeenConversation, SeenPerson } from '../../domain/seen-messages.ts';
import { cleanText } from '../../domain/text.ts';
import type { Conversations, ProviderCall } from '../provider.ts';
import { orNullIfUnknown } from '../shared/errors.ts';
import { addressesIn } from '../shared/whatsapp-chats.ts';
import { contacts } from './contacts.ts';
import { askSession, dataOf } from './client.ts';
import { asObject, field, text } from './fields.ts';
import { segment } from './ids.ts';
import { listIn } from './pages.ts';
import { chatJid } from './recipients.ts';
import { personOf } from './webhooks-key.ts';

const isGroup = (jid: string): boolean => jid.endsWith('@g.us');

/** GET /groups/{jid}/metadata, or GET /contacts/{phone} for a person. */
async function one(call: ProviderCall, conversation: readonly string[]): Promise<SeenConversation | null> {
  const jid = chatJid(conversation);
  if (!isGroup(jid)) {
    const [person] = await attendees(call, conversation);
    return person ? { keys: person.keys, kind: 'person', name: null, lastMessageAt: null, attendees: [person] } : null;
  }
  const of = asObject(await orNullIfUnknown(askSession(call, 'GET', `/groups/${segment(jid)}/metadata`).then(dataOf)));
  if (!of) return null;
  return {
    keys: [jid],
    kind: 'group',
    name: cleanText(text(of, 'subject') ?? text(of, 'name')),
    lastMessageAt: null,
    attendees: participantsIn(field(of, 'participants')),
    pictureSource: { group: jid },
  };
}

/** GET /groups/{jid}/participants, which has the account itself too; or the person of a private chat. */
async function attendees(call: ProviderCall, conversation: readonly string[]): Promise<SeenPerson[]> {
  const jid = chatJid(conversation);
  if (isGroup(jid))
    return participantsIn(dataOf(await askSession(call, 'GET', `/groups/${segment(jid)}/participants`)));
  if (jid.endsWith('@newsletter'))
    throw new ProviderFailure('unsupported', 'WASender does not list who reads a channel.');
  const contact = await contacts.one(call, jid);
  if (!contact) return [];
  const name = cleanText(contact.name ?? contact.verifiedName ?? contact.pushName);
  const person = personOf(addressesIn([jid, contact.id, contact.lid, contact.phone]), false, name);
  return [{ ...person, pictureUrl: contact.pictureUrl ?? null }];
}

function participantsIn(data: unknown): SeenPerson[] {
  const listed = listIn(data) ?? listIn(field(asObject(data), 'participants') ?? null) ?? [];
  return listed.flatMap((entry) => {
    const of = asObject(entry);
    const ids = ['id', 'jid', 'lid', 'phoneNumber'].map((name) => text(of, name));
    const addresses = addressesIn(typeof entry === 'string' ? [entry] : ids);
    return addresses.length ? personOf(addresses, null) : [];
  });
}

/** WASender has no list of chats and no history: these come by webhook. Nor does it change a chat's state. */
export const conversations = { one, attendees, states: [] } satisfies Conversations;

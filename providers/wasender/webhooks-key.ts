import { parseIdentity, phoneOf, type Identity } from '../../domain/identities.ts';
import type { SeenConversation, SeenPerson } from '../../domain/seen-messages.ts';
import { eachOnce, idIn, nameIn } from '../shared/told-values.ts';
import { addressesIn, chatKey, chatKind, isPartner } from '../shared/whatsapp-chats.ts';
import { asObject, field, type Json } from './fields.ts';

/** Fields that name the sender of a message, in a conversation of two and in a group; the last is of newer senders. */
const senderFields = ['senderPn', 'cleanedSenderPn', 'cleanSenderPn', 'senderLid', 'remoteJidAlt'] as const;
const participantFields = [
  'participant',
  'participantPn',
  'cleanedParticipantPn',
  'cleanParticipantPn',
  'participantLid',
  'participantAlt',
] as const;

/** What the key of a message names. */
export interface MessageKey {
  messageKeys: readonly string[];
  /** A conversation of two has both addresses of the other one where both are told. */
  conversationKeys: readonly string[];
  kind: SeenConversation['kind'] | null;
  fromMe: boolean | null;
  /** Null where it is not told; the account itself has no keys in a conversation of two. */
  sender: SeenPerson | null;
  /** The other one of a conversation of two. */
  partner: SeenPerson | null;
}

/** The key of an item, under `key` or in the item itself; `msgId` is WASender's own number beside it. */
export function readKey(item: Json | null): MessageKey {
  const key = asObject(field(item, 'key')) ?? item;
  const told = field(key, 'fromMe');
  const fromMe = typeof told === 'boolean' ? told : null;
  const chat = idIn(field(key, 'remoteJid'));
  const kind = chatKind(chat);
  const participants = addressesIn(participantFields.map((name) => idIn(field(key, name))));
  const partners = kind === 'person' ? partnersIn(key, chat, fromMe) : [];
  const writers = participants.length > 0 || kind !== 'person' || fromMe !== false ? participants : partners;
  const senders = kind === 'group' && !writers.length && fromMe === false ? sendersIn(key) : writers;
  const name = nameIn(field(item, 'pushName'));
  return {
    messageKeys: eachOnce([idIn(field(key, 'id')), idIn(field(item, 'msgId') ?? field(key, 'msgId'))]),
    conversationKeys: eachOnce([chatKey(chat), ...partners.map(({ value }) => value)]),
    kind,
    fromMe,
    sender: senders.length > 0 || fromMe === true ? personOf(senders, fromMe, name) : null,
    partner: partners.length > 0 ? personOf(partners, null, fromMe === false ? name : null) : null,
  };
}

const sendersIn = (key: Json | null): Identity[] => addressesIn(senderFields.map((name) => idIn(field(key, name))));

/** The addresses of the other one. A message's sender is not the other one where the account wrote it. */
function partnersIn(key: Json | null, chat: string | null, fromMe: boolean | null): Identity[] {
  const senders = sendersIn(key).map(({ value }) => value);
  const other = idIn(field(key, 'remoteJidAlt'));
  return addressesIn([chat, other, ...(isPartner(chat, senders, fromMe === false) ? senders : [])]);
}

export const personOf = (
  addresses: readonly Identity[],
  isSelf: boolean | null,
  name: string | null = null,
): SeenPerson => ({
  keys: addresses.map(({ value }) => value),
  name,
  phone: addresses.map(phoneOf).find((phone) => phone !== null) ?? null,
  isSelf,
  pictureUrl: null,
  pictureSource: addresses[0] ? { person: addresses[0].value } : null,
});

/** A person by one address, or null for anything else. */
export function personAt(address: unknown): SeenPerson | null {
  const identity = parseIdentity(idIn(address));
  return identity && personOf([identity], null);
}

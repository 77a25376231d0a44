import type { SeenMessage, SeenPerson } from '../../domain/seen-messages.ts';
import { cleanText } from '../../domain/text.ts';
import { asFlag, asId, asTime } from '../shared/json-fields.ts';
import { deliveryOf } from './delivery.ts';
import { asObject, field, text, type Json } from './fields.ts';
import { phoneOf, toJid } from './ids.ts';
import { readContent } from './seen-content.ts';

/** A person by any of their ids; null where none of these is a person's. */
export function personOf(ids: readonly (string | null)[], isSelf: boolean | null): SeenPerson | null {
  const keys = [...new Set(ids.flatMap((id) => toJid(id) ?? []))];
  const [first] = keys;
  if (first === undefined) return null;
  const phone = keys.map(phoneOf).find((one) => one !== null) ?? null;
  return { keys, name: null, phone, isSelf, pictureUrl: null, pictureSource: { person: first } };
}

/** A message with its key, as `GET /messages/{msgId}/info` and webhooks show it; null for what has no id. */
export function readMessage(entry: unknown): SeenMessage | null {
  const of = asObject(entry);
  const key = asObject(field(of, 'key')) ?? of;
  const [id, number] = [asId(field(key, 'id')), asId(field(of, 'msgId'))];
  if (!of || (id ?? number) === null) return null;
  const isOwn = asFlag(field(key, 'fromMe'));
  const chat = asId(field(key, 'remoteJid') ?? field(of, 'remoteJid'));
  const content = readContent(id, field(of, 'message'));
  return {
    keys: [...new Set([id, number].filter((one) => one !== null))],
    conversationKeys: conversationOf(chat, key, isOwn),
    direction: isOwn === null ? null : isOwn ? 'out' : 'in',
    sender: senderOf(chat, key, isOwn, text(of, 'pushName')),
    text: text(of, 'messageBody') ?? content.text,
    sentAt: timeOf(field(of, 'messageTimestamp')),
    status: isOwn === true ? deliveryOf(text(of, 'status')) : null,
    deleted: false,
    quotedKey: content.quotedKey,
    attachments: content.attachments,
    reactions: [],
  };
}

/** The sender in a private chat, in each form: beside an own message these are the account itself. */
const privateIds = ['senderPn', 'senderLid', 'cleanedSenderPn', 'cleanSenderPn'];
const groupIds = ['participant', 'participantPn', 'participantLid', 'cleanedParticipantPn', 'cleanParticipantPn'];

function conversationOf(chat: string | null, key: Json | null, isOwn: boolean | null): string[] {
  if (chat === null) return [];
  const person = toJid(chat);
  if (person === null) return [chat];
  return (
    personOf([person, ...(isOwn === false ? privateIds.map((name) => text(key, name)) : [])], false)?.keys.slice() ?? []
  );
}

function senderOf(chat: string | null, key: Json | null, isOwn: boolean | null, pushName: string | null) {
  if (isOwn !== false) return null;
  const ids = toJid(chat) === null ? groupIds : privateIds;
  const person = personOf([...(toJid(chat) === null ? [] : [chat]), ...ids.map((name) => text(key, name))], false);
  return person && { ...person, name: cleanText(pushName) };
}

/** WhatsApp's library writes large numbers as `{low, high}` at times. */
const timeOf = (value: unknown): number | null => asTime(asObject(value) ? field(asObject(value), 'low') : value);

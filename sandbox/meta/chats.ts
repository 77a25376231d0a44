import { randomBytes } from 'node:crypto';
import { parsePhoneNumberFromString } from 'libphonenumber-js';
import { ApiError } from '../server/errors.ts';
import { nameFor } from '../world/people.ts';
import { hashText, mix } from '../world/random.ts';
import { typedPhone } from '../world/whatsapp.ts';
import { keepMedia } from './files.ts';
import type { State } from './state.ts';
import type { Asset, Channel, Contact, Message, Thread } from './types.ts';

/** WhatsApp's business-scoped user id. */
const BSUID = /^[A-Z]{2}\.(ENT\.)?[A-Za-z0-9]{1,128}$/;

/** By id, number, user name, or any text that then stands for a person. `name` is a new person's. */
export function contactFor(asset: Asset, from: string, name?: string): Contact {
  const known = knownContact(asset, from);
  if (known) return known;
  const made = asset.channel === 'whatsapp' ? whatsappContact(from) : scopedContact(asset, from);
  return asset.threads.get(made.key)?.contact ?? { ...made, name: name ?? made.name };
}

/** Null for a person who has no thread yet. */
function knownContact(asset: Asset, from: string): Contact | null {
  const byKey = asset.threads.get(from);
  if (byKey) return byKey.contact;
  const phone = asset.channel === 'whatsapp' ? typedPhone(from) : null;
  for (const { id, contact } of asset.threads.values()) {
    if (id === from || (phone !== null && contact.phone === phone)) return contact;
    if (contact.username !== null && contact.username === from.replace(/^@/, '')) return contact;
  }
  return null;
}

/** Of a Page or an Instagram account, whose ids are its own: the same text is another id elsewhere. */
export function scopedContact(asset: Asset, from: string): Contact {
  const isId = /^\d{14,20}$/.test(from);
  const hash = hashText(`${asset.id} ${from}`);
  const key = isId ? from : `${asset.channel === 'messenger' ? '55' : '66'}${digits(hash, 14)}`;
  const name = nameFor(from);
  const username = asset.channel === 'instagram' ? `${name.toLowerCase().replace(' ', '.')}.${hash % 10_000}` : null;
  return { key, name, username, phone: null, seed: hash };
}

function whatsappContact(from: string): Contact {
  const seed = hashText(from);
  if (BSUID.test(from))
    return { key: from, name: nameFor(from), username: nameFor(from).toLowerCase(), phone: null, seed };
  const phone = typedPhone(from);
  if (phone === null)
    throw new ApiError(400, 'from must be a phone number or a business-scoped user id such as ZA.70000000000000001');
  return { key: bsuidOf(phone), name: nameFor(phone), username: null, phone, seed: hashText(phone) };
}

/** It follows from the number. */
function bsuidOf(phone: string): string {
  const country = parsePhoneNumberFromString(`+${phone}`)?.country ?? 'US';
  return `${country}.${digits(hashText(phone), 17)}`;
}

const digits = (hash: number, count: number): string =>
  `${String(hash).padStart(10, '0')}${String(mix(hash, 11)).padStart(10, '0')}`.slice(0, count);

/** The thread with this contact, opened where there is none. */
export function threadWith(state: State, asset: Asset, contact: Contact): Thread {
  const known = asset.threads.get(contact.key);
  if (known) return known;
  const thread: Thread = {
    id: newThreadId(state, asset.channel),
    contact,
    messages: [],
    lastIncomingAt: null,
    updatedAt: state.shared.clock.now(),
    unread: 0,
    isLive: false,
  };
  asset.threads.set(contact.key, thread);
  state.world.threads.set(thread.id, { asset, thread });
  return thread;
}

function newThreadId(state: State, channel: Channel): string {
  const n = state.world.nextId++;
  if (channel === 'messenger') return `t_10${String(n).padStart(14, '0')}`;
  const text = `ig_dm:thread:${n}:${randomBytes(12).toString('hex')}`;
  return channel === 'instagram' ? `aWdf${Buffer.from(text).toString('base64url')}` : `wa_${n}`;
}

const MESSAGE_IDS: Record<Channel, () => string> = {
  messenger: () => `m_${randomBytes(42).toString('base64url')}`,
  instagram: () => `aWdfZAG1faXRlbToxOklHTWVzc2FnZAUlE${randomBytes(42).toString('base64url')}`,
  whatsapp: () => `wamid.${randomBytes(30).toString('base64')}`,
};

export type NewMessage = Pick<Message, 'from' | 'text'> & Partial<Message>;

/** At the clock's time, or a millisecond after the thread's latest message; `ts` says otherwise. */
export function addMessage(state: State, asset: Asset, thread: Thread, message: NewMessage): Message {
  const last = thread.messages.at(-1)?.ts ?? 0;
  const stored: Message = {
    id: MESSAGE_IDS[asset.channel](),
    ts: Math.max(state.shared.clock.now(), last + 1),
    attachments: [],
    replyTo: null,
    status: 'sent',
    edits: 0,
    deleted: false,
    reactions: new Map(),
    appId: null,
    metadata: null,
    content: null,
    callbackData: null,
    ...message,
  };
  thread.messages.push(stored);
  thread.updatedAt = stored.ts;
  if (stored.from === 'contact') {
    thread.lastIncomingAt = stored.ts;
    thread.unread++;
  } else thread.unread = 0;
  state.world.messages.set(stored.id, { asset, thread, message: stored });
  for (const one of stored.attachments) keepMedia(state, one.id, one, asset.channel === 'whatsapp' ? 7 : 365);
  return stored;
}

/** The contact did something else than writing: the window opens anew. */
export function actedNow(state: State, thread: Thread): void {
  thread.lastIncomingAt = state.shared.clock.now();
  thread.isLive = true;
}

/** Throws 404. */
export function messageOf(state: State, asset: Asset, id: string): { thread: Thread; message: Message } {
  const found = state.world.messages.get(id);
  if (!found || found.asset !== asset) throw new ApiError(404, `no message "${id}" in ${asset.id}`);
  return found;
}

/** Newest first. */
export function threadsOf(asset: Asset): Thread[] {
  return [...asset.threads.values()].toSorted((a, b) => b.updatedAt - a.updatedAt || (a.id < b.id ? 1 : -1));
}

/** The contact acted within the last 24 hours. */
export function isWindowOpen(state: State, thread: Thread | undefined): boolean {
  const at = thread?.lastIncomingAt ?? null;
  return at !== null && state.shared.clock.now() - at < state.variants.values.window_seconds * 1000;
}

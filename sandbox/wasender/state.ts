import { randomBytes, randomInt } from 'node:crypto';
import { createLimits, type Limits } from '../server/limits.ts';
import type { Shared } from '../server/shared.ts';
import { createVariants, type Variants } from '../server/variants.ts';
import { createPendingEvents, type PendingEvents } from '../world/pending-events.ts';
import { contactOptions, createContactList, DEFAULT_SEED, DEFAULT_SIZE, type ContactList } from './contact-list.ts';
import { notFound, tooManyRequests } from './errors.ts';
import type { SessionSettings } from './settings.ts';
import { wasenderVariants, type WasenderVariants } from './variants.ts';

export const SESSION_STATUSES = [
  'disconnected',
  'connecting',
  'need_scan',
  'need_passkey',
  'connected',
  'logged_out',
  'expired',
] as const;
export type SessionStatus = (typeof SESSION_STATUSES)[number];

/** A QR code or a passkey that waits to be used. */
export interface Pairing {
  method: 'qr' | 'passkey';
  /** The QR code's text, or the passkey's token. */
  text: string;
  /** Epoch milliseconds. */
  until: number;
  cancelPlans: (() => void)[];
}

interface LinkedPhone {
  /** Digits. */
  phone: string;
  device: number;
  /** Epoch milliseconds. */
  since: number;
}

interface SessionLog {
  id: number;
  event_type: string;
  status: SessionStatus;
  at: number;
}

/** 0 error, 1 pending, 2 sent, 3 delivered, 4 read, 5 played. */
export type DeliveryStatus = 0 | 1 | 2 | 3 | 4 | 5;

export interface StoredMessage {
  msgId: number;
  /** WhatsApp's own id. */
  keyId: string;
  /** A person's or a group's JID. */
  jid: string;
  /** The sender's JID or LID; null: the owner. */
  from: string | null;
  pushName: string | null;
  content: Record<string, unknown>;
  body: string;
  status: DeliveryStatus;
  /** Epoch milliseconds. */
  ts: number;
  editedTs: number;
  edited: boolean;
  /** Of the latest reaction; 0: none yet. */
  reactedTs: number;
  /** By the person's JID; empty: the owner. */
  reactions: Map<string, string>;
  /** Only for a message sent by API: as the message log shows it. */
  log: { to: string; content: object; failed: string | null; logged: boolean } | null;
  deleted: boolean;
}

/** As the phone shows it; only chats with messages or changes. */
export interface ChatState {
  unread: number;
  /** Epoch milliseconds of the latest message; null: none yet. */
  ts: number | null;
  archived: boolean;
  pinned: boolean;
  mutedUntil: -1 | string | null;
}

/** Beside the generated ones. */
export interface OpenedGroup {
  name: string;
  members: string[];
}

export interface Session {
  id: number;
  settings: SessionSettings;
  apiKey: string;
  webhookSecret: string;
  status: SessionStatus;
  createdAt: number;
  updatedAt: number;
  pairing: Pairing | null;
  linked: LinkedPhone | null;
  /** Gives the device number. */
  timesLinked: number;
  contacts: ContactList;
  /** By JID. */
  chats: Map<string, ChatState>;
  /** By JID. */
  groups: Map<string, OpenedGroup>;
  messages: StoredMessage[];
  /** By the service's number and by WhatsApp's id. */
  byMessageId: Map<string, StoredMessage>;
  logs: SessionLog[];
  pendingEvents: PendingEvents;
  openCalls: number;
}

export interface StoredFile {
  bytes: Buffer;
  mimetype: string;
  /** Epoch milliseconds. */
  until: number;
}

export interface State {
  shared: Shared;
  variants: Variants<WasenderVariants>;
  limits: Limits;
  sessions: Map<number, Session>;
  byKey: Map<string, Session>;
  /** By name in their public address. */
  published: Map<string, StoredFile>;
  /** Received files, by media key. */
  media: Map<string, StoredFile>;
  /** Scheme, host and port of the latest API call: where pictures and files are served. */
  origin: string;
  nextId: number;
  /** Messages are numbered over all sessions. */
  nextMsgId: number;
}

export function createState(shared: Shared): State {
  return {
    shared,
    variants: createVariants(wasenderVariants),
    limits: createLimits(shared.clock),
    sessions: new Map(),
    byKey: new Map(),
    published: new Map(),
    media: new Map(),
    origin: 'http://127.0.0.1',
    // Random, so that another run does not give this run's numbers to other sessions.
    nextId: randomInt(100_000, 900_000),
    nextMsgId: randomInt(1_000_000, 9_000_000),
  };
}

export function clearState(state: State): void {
  for (const session of state.sessions.values()) endPairing(session);
  for (const map of [state.sessions, state.byKey, state.published, state.media]) map.clear();
  state.limits.reset();
}

const hex = (length: number): string => randomBytes(length / 2).toString('hex');

export function addSession(state: State, settings: SessionSettings): Session {
  const now = state.shared.clock.now();
  const session: Session = {
    id: state.nextId++,
    settings,
    apiKey: hex(64),
    webhookSecret: hex(32),
    status: 'disconnected',
    createdAt: now,
    updatedAt: now,
    pairing: null,
    linked: null,
    timesLinked: 0,
    contacts: createContactList(DEFAULT_SIZE, DEFAULT_SEED, contactOptions.parse({})),
    chats: new Map(),
    groups: new Map(),
    messages: [],
    byMessageId: new Map(),
    logs: [],
    pendingEvents: createPendingEvents(),
    openCalls: 0,
  };
  state.sessions.set(session.id, session);
  state.byKey.set(session.apiKey, session);
  return session;
}

export function removeSession(state: State, session: Session): void {
  endPairing(session);
  state.sessions.delete(session.id);
  state.byKey.delete(session.apiKey);
}

/** The old key stops working at once. */
export function regenerateKey(state: State, session: Session): string {
  state.byKey.delete(session.apiKey);
  session.apiKey = hex(64);
  state.byKey.set(session.apiKey, session);
  return session.apiKey;
}

/** Throws 404. */
export function getSession(state: State, id: string): Session {
  const session = /^\d{1,12}$/.test(id) ? state.sessions.get(Number(id)) : undefined;
  if (!session) throw notFound('Session');
  return session;
}

export function endPairing(session: Session): void {
  for (const cancel of session.pairing?.cancelPlans ?? []) cancel();
  session.pairing = null;
}

/** Returns the function that ends the call. Throws 429 above the allowed number of concurrent calls. */
export function enter(state: State, session: Session): () => void {
  const cap = state.variants.values.concurrent_calls;
  if (cap !== null && session.openCalls >= cap) throw tooManyRequests(state.shared.clock.now() + 1000);
  session.openCalls++;
  return () => void session.openCalls--;
}

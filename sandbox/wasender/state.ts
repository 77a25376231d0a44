import { randomBytes, randomInt } from 'node:crypto';
import type { Shared } from '../server/shared.ts';
import { createVariants, type Variants } from '../server/variants.ts';
import { bookOptions, type ContactBook, createContacts, DEFAULT_SEED, DEFAULT_SIZE } from './contact-list.ts';
import { notFound, TooManyRequests } from './errors.ts';
import { createLimits, type Limits } from './limits.ts';
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

/** An attempt to link a phone: a QR code or a passkey waits to be used. */
export interface Linking {
  method: 'qr' | 'passkey';
  /** The QR code's text, or the passkey's token. */
  text: string;
  /** Epoch milliseconds. */
  until: number;
  cancelPlans: (() => void)[];
}

/** The phone that is linked. */
interface Linked {
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
  /** The chat: a person's or a group's JID. */
  jid: string;
  /** The person's JID, LID or number as first told; null: the owner. */
  from: string | null;
  pushName: string | null;
  /** WhatsApp's content, and its text. */
  content: Record<string, unknown>;
  body: string;
  status: DeliveryStatus;
  /** Epoch milliseconds. */
  ts: number;
  editedTs: number;
  /** Sent by API: as the message log shows it. */
  log: { to: string; content: object; failed: string | null; logged: boolean } | null;
  deleted: boolean;
}

export interface Session {
  id: number;
  settings: SessionSettings;
  apiKey: string;
  webhookSecret: string;
  status: SessionStatus;
  createdAt: number;
  updatedAt: number;
  linking: Linking | null;
  linked: Linked | null;
  /** How often it was linked: gives the device number. */
  links: number;
  contacts: ContactBook;
  messages: StoredMessage[];
  /** By the service's number and by WhatsApp's id. */
  byMessageId: Map<string, StoredMessage>;
  logs: SessionLog[];
  /** What happened while the phone was not linked. */
  missed: (() => void)[];
  callsUnderWay: number;
}

interface Upload {
  bytes: Buffer;
  mimetype: string;
  /** Epoch milliseconds. */
  until: number;
}

/** Everything one WASender stand-in knows. */
export interface State {
  shared: Shared;
  variants: Variants<WasenderVariants>;
  limits: Limits;
  sessions: Map<number, Session>;
  byKey: Map<string, Session>;
  /** By name in their public address. */
  uploads: Map<string, Upload>;
  /** Bytes of received media, by media key. */
  media: Map<string, Upload>;
  /** Scheme, host and port under which the API was last asked: where pictures and uploads are. */
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
    uploads: new Map(),
    media: new Map(),
    origin: 'http://127.0.0.1',
    // Another run must not give the numbers of this one to other sessions.
    nextId: randomInt(100_000, 900_000),
    nextMsgId: randomInt(1_000_000, 9_000_000),
  };
}

export function clearState(state: State): void {
  for (const session of state.sessions.values()) endLinking(session);
  for (const map of [state.sessions, state.byKey, state.uploads, state.media]) map.clear();
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
    linking: null,
    linked: null,
    links: 0,
    contacts: createContacts(DEFAULT_SIZE, DEFAULT_SEED, bookOptions.parse({})),
    messages: [],
    byMessageId: new Map(),
    logs: [],
    missed: [],
    callsUnderWay: 0,
  };
  state.sessions.set(session.id, session);
  state.byKey.set(session.apiKey, session);
  return session;
}

export function removeSession(state: State, session: Session): void {
  endLinking(session);
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

export function getSession(state: State, id: string): Session {
  const session = /^\d{1,12}$/.test(id) ? state.sessions.get(Number(id)) : undefined;
  if (!session) throw notFound('Session');
  return session;
}

export function endLinking(session: Session): void {
  for (const cancel of session.linking?.cancelPlans ?? []) cancel();
  session.linking = null;
}

/** Takes part in the cap on calls at a time. Returns how to leave. Throws 429. */
export function enter(state: State, session: Session): () => void {
  const cap = state.variants.values.concurrent_calls;
  if (cap !== null && session.callsUnderWay >= cap) throw new TooManyRequests(state.shared.clock.now() + 1000);
  session.callsUnderWay++;
  return () => void session.callsUnderWay--;
}

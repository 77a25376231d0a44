import type { ContactBook } from './contact-book.ts';
import type { SessionSettings } from './settings.ts';

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

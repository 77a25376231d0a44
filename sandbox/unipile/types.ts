import type { GeneratedPeople } from '../world/generated-people.ts';
import type { PendingEvents } from '../world/pending-events.ts';

/** As `type` of an Account; the same words are `provider` in a login. */
const MESSAGING_TYPES = ['WHATSAPP', 'TELEGRAM', 'LINKEDIN', 'INSTAGRAM', 'MESSENGER', 'TWITTER'] as const;
export const MAIL_TYPES = ['MAIL', 'GOOGLE_OAUTH', 'OUTLOOK'] as const;
export type AccountType = (typeof MESSAGING_TYPES)[number] | (typeof MAIL_TYPES)[number];

export const SOURCE_STATUSES = ['OK', 'CONNECTING', 'CREDENTIALS', 'ERROR', 'STOPPED', 'PERMISSIONS'] as const;
type SourceStatus = (typeof SOURCE_STATUSES)[number];

export type Checkpoint =
  | { type: 'QRCODE'; qrcode: string; pairing_code?: string }
  | { type: '2FA'; source: 'SMS' | 'APP' }
  | { type: 'OTP' }
  | { type: 'PHONE_REGISTER' }
  | { type: 'IN_APP_VALIDATION' }
  | { type: 'CAPTCHA'; public_key: string; data: string }
  | { type: 'CONTRACT_CHOOSER'; contract_options: { id: string; name: string }[] };

/** Equal for every account of the same person. */
export interface Identity {
  name: string;
  /** The owner's own id on the channel, as messages name their sender. */
  providerId: string;
  /** Shown in `connection_params` under `im` or `mail`. */
  params: Record<string, unknown>;
  /** WhatsApp and Telegram: digits with the country code. */
  phone: string | null;
}

/** Its remaining checkpoints, the present one first. */
export interface Login {
  kind: 'create' | 'reconnect';
  /** Provider and user name: only one login of them runs at a time (else 425). Null for a QR login. */
  key: string | null;
  /** Epoch ms. */
  deadline: number;
  steps: Checkpoint[];
  /** From the credentials; for a QR login, from the phone. */
  identity: Identity | null;
  pairingPhone: string | null;
  /** Epoch ms after which the QR can no longer be scanned. */
  qrUntil: number;
  cancelPlan: () => void;
  whenDone: WhenDone;
}

/** Wherever the login's last step was. */
export type WhenDone = (account: Account, kind: Login['kind']) => void;

export interface Account {
  id: string;
  seq: number;
  /** 32 bits of the id, part of every id below the account. */
  tag: number;
  type: AccountType;
  createdAt: number;
  /** Epoch ms of the first login's end: UniPile copies the history from then on. */
  connectedAt: number;
  identity: Identity | null;
  status: SourceStatus;
  login: Login | null;
  store: ChatStore;
  pendingEvents: PendingEvents;
  syncCalls: number;
}

/** `single` number i is with contact i; `started` ones were opened later. */
export interface ChatRef {
  kind: 'single' | 'group' | 'started';
  index: number;
}

export interface StoredAttachment {
  type: 'img' | 'video' | 'audio' | 'file';
  file_name: string;
  mimetype: string;
  /** Null: no longer available. */
  bytes: Buffer | null;
  /** Sent as `voice_message`. */
  voice?: true;
}

export interface Reaction {
  value: string;
  sender_id: string;
  is_sender: boolean;
}

export interface MessageState {
  seen?: boolean;
  delivered?: boolean;
  seenBy?: Record<string, string | boolean>;
  reactions?: Reaction[];
  /** Of the latest edit. */
  text?: string;
  deleted?: boolean;
}

/** As `event_type` of a message that is an event. */
export const EVENT_TYPES = { groupCreated: 3, subjectChanged: 4, participantAdded: 5, participantRemoved: 6 } as const;

export interface StoredMessage {
  /** Position in `ChatStore.stored`; the id follows from it. */
  n: number;
  chat: ChatRef;
  ts: number;
  text: string | null;
  /** Null when the owner wrote it. */
  from: AttendeeRef | null;
  attachments: StoredAttachment[];
  quoteId: string | null;
  /** Null for a message that a person wrote. */
  eventType: (typeof EVENT_TYPES)[keyof typeof EVENT_TYPES] | null;
  /** Sent, but not yet in UniPile's lists. */
  lagging: boolean;
}

export interface ChatState {
  ref: ChatRef;
  /** The latest stored message's time, or the generated chat's. */
  ts: number;
  hasStored: boolean;
  unread: number;
  archived: boolean;
  pinned: boolean;
  readOnly: boolean;
  /** Until the next message. */
  deleted: boolean;
  mutedUntil: -1 | string | null;
  syncCalls: number;
  messages: StoredMessage[];
}

export interface AttendeeRef {
  kind: 'person' | 'unlisted' | 'self';
  index: number;
}

interface UnlistedPerson {
  providerId: string;
  name: string;
}

export interface StartedChat {
  members: AttendeeRef[];
  name: string | null;
  subject: string | null;
  group: boolean;
  /** Only the owner writes to a channel's followers. */
  channel: boolean;
}

/** A generated part, computed from indexes, and later additions. */
export interface ChatStore {
  people: GeneratedPeople;
  /** The newest generated chat's time, epoch ms. */
  base: number;
  /** Times of stored messages strictly rise. */
  lastTs: number;
  stored: StoredMessage[];
  chats: Map<string, ChatState>;
  /** The chat with the latest message at the end. */
  recentChats: ChatState[];
  started: StartedChat[];
  startedByMembers: Map<string, number>;
  unlisted: UnlistedPerson[];
  unlistedByProviderId: Map<string, number>;
  messageStates: Map<string, MessageState>;
}

import type { AddressBook } from '../world/address-book.ts';
import type { PendingEvents } from '../world/pending-events.ts';

/** Account types as `type` of an Account names them; the same words are used as `provider` when logging in. */
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

/** The account's owner on the channel; equal for every account of the same person. */
export interface Identity {
  /** The name that the provider shows for the account. */
  name: string;
  /** The owner's own id on the channel, as messages name their sender. */
  providerId: string;
  /** What `connection_params` shows, `im` or `mail` around it. */
  params: Record<string, unknown>;
  /** WhatsApp and Telegram: digits with the country code. */
  phone: string | null;
}

/** A login under way: the checkpoints still to pass, the present one first. */
export interface Login {
  kind: 'create' | 'reconnect';
  /** Provider and user name: only one login of them runs at a time (else 425). Null for a QR login. */
  key: string | null;
  /** Epoch ms after which the attempt is over. */
  deadline: number;
  steps: Checkpoint[];
  /** Known from the credentials; a QR login learns it from the phone. */
  identity: Identity | null;
  /** The number that a pairing code was asked for. */
  pairingPhone: string | null;
  /** Epoch ms after which the QR can no longer be scanned. */
  qrUntil: number;
  /** Calls off a planned scan or approval. */
  cancelPlan: () => void;
  /** Called once when the login has succeeded. */
  whenDone: WhenDone;
}

/** Runs when a login has succeeded, wherever its last step was. */
export type WhenDone = (account: Account, kind: Login['kind']) => void;

export interface Account {
  id: string;
  /** Rises with each account: the order of the list. */
  seq: number;
  /** 32 bits of the id that every id below the account carries. */
  tag: number;
  type: AccountType;
  createdAt: number;
  identity: Identity | null;
  status: SourceStatus;
  login: Login | null;
  store: ChatStore;
  pendingEvents: PendingEvents;
  syncCalls: number;
}

/** A chat. `single` number i is with person i of the address book; `started` ones were opened later. */
export interface ChatRef {
  kind: 'single' | 'group' | 'started';
  index: number;
}

export interface StoredAttachment {
  type: 'img' | 'video' | 'audio' | 'file';
  file_name: string;
  mimetype: string;
  bytes: Buffer;
}

export interface Reaction {
  value: string;
  sender_id: string;
  is_sender: boolean;
}

/** What can change on any message after it was written. */
export interface MessageState {
  seen?: boolean;
  delivered?: boolean;
  seenBy?: Record<string, string | boolean>;
  reactions?: Reaction[];
}

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
}

export interface ChatState {
  ref: ChatRef;
  /** The latest stored message's time, or the generated chat's. */
  ts: number;
  hasStored: boolean;
  unread: number;
  archived: boolean;
  pinned: boolean;
  mutedUntil: -1 | string | null;
  syncCalls: number;
  messages: StoredMessage[];
}

/** `person`: number in the address book; `stranger`: met outside it; `self`: the owner. */
export interface AttendeeRef {
  kind: 'person' | 'stranger' | 'self';
  index: number;
}

interface Stranger {
  providerId: string;
  name: string;
}

export interface StartedChat {
  members: AttendeeRef[];
  name: string | null;
  subject: string | null;
  group: boolean;
}

/** An account's chats, messages and attendees: a generated part, computed from indexes, and what was added since. */
export interface ChatStore {
  book: AddressBook;
  /** The newest generated chat's time, epoch ms. */
  base: number;
  /** Times of stored messages strictly rise. */
  lastTs: number;
  stored: StoredMessage[];
  chats: Map<string, ChatState>;
  /** Chats with stored messages, the one last written in at the end. */
  recentChats: ChatState[];
  started: StartedChat[];
  startedByMembers: Map<string, number>;
  strangers: Stranger[];
  strangerByProviderId: Map<string, number>;
  messageStates: Map<string, MessageState>;
}

/** Times are epoch milliseconds of the sandbox's clock. */

export type Channel = 'messenger' | 'instagram' | 'whatsapp';

/** A person with a login at the dialog. */
export interface Person {
  /** App-scoped user id. */
  id: string;
  /** Lower case. */
  userName: string;
  name: string;
  pageIds: string[];
  /** The professional account; null where the person has none. */
  instagramId: string | null;
  /** What the dialog granted last; a later one adds. */
  granted: Set<string>;
}

export type TokenKind = 'user' | 'page' | 'system_user' | 'instagram' | 'app';

export interface Token {
  value: string;
  kind: TokenKind;
  appId: string;
  /** Null for an app's. */
  userId: string | null;
  /** The Page or the Instagram account that a token is of. */
  assetId: string | null;
  scopes: Set<string>;
  /** Pages that the person chose, of a user token. */
  pageIds: string[];
  issuedAt: number;
  /** 0: never. */
  expiresAt: number;
  longLived: boolean;
  /** The subcode of error 190 that it answers; null while it counts. */
  endedBy: number | null;
}

/** What a message can be written in: a Page, an Instagram account or a number. */
interface Inbox {
  id: string;
  name: string;
  /** By the contact's key. */
  threads: Map<string, Thread>;
}

export interface Page extends Inbox {
  channel: 'messenger';
  category: string;
  instagramId: string | null;
  /** Subscribed fields by app id. */
  subscribedApps: Map<string, string[]>;
  /** Since when every webhook of the Page fails; null while they arrive. */
  failingSince: number | null;
}

export interface InstagramAccount extends Inbox {
  channel: 'instagram';
  username: string;
  /** `id` at graph.instagram.com; `Inbox.id` is what webhooks name. */
  appScopedId: string;
  pageId: string | null;
  /** By Instagram login. */
  subscribedApps: Map<string, string[]>;
}

export interface PhoneNumber extends Inbox {
  channel: 'whatsapp';
  wabaId: string;
  /** Digits. */
  phone: string;
  /** As Meta's: CONNECTED, DISCONNECTED, … */
  status: string;
  quality: string;
  override: CallbackAddress | null;
  profile: Record<string, unknown>;
}

export type Asset = Page | InstagramAccount | PhoneNumber;

export interface CallbackAddress {
  url: string;
  verifyToken: string;
}

export interface Waba {
  id: string;
  name: string;
  numberIds: string[];
  /** By app id; null: the app's own address. */
  subscribedApps: Map<string, CallbackAddress | null>;
  templates: Template[];
}

export interface Template {
  id: string;
  name: string;
  language: string;
  status: string;
  category: 'UTILITY' | 'MARKETING' | 'AUTHENTICATION';
  parameter_format: 'POSITIONAL' | 'NAMED';
  components: TemplateComponent[];
}

export interface TemplateComponent {
  type: 'HEADER' | 'BODY' | 'FOOTER' | 'BUTTONS';
  format?: 'TEXT' | 'IMAGE' | 'VIDEO' | 'DOCUMENT';
  text?: string;
  buttons?: { type: 'QUICK_REPLY' | 'URL' | 'PHONE_NUMBER'; text: string; url?: string; phone_number?: string }[];
}

/** A person who writes to an inbox. */
export interface Contact {
  /** PSID, IGSID, or WhatsApp's business-scoped user id. */
  key: string;
  name: string;
  username: string | null;
  /** Digits; WhatsApp only, and null where the person shows none. */
  phone: string | null;
  seed: number;
}

export interface Thread {
  id: string;
  contact: Contact;
  /** Oldest first. */
  messages: Message[];
  /** The contact's last action; null: none yet. */
  lastIncomingAt: number | null;
  updatedAt: number;
  unread: number;
  /** Something happened in it since it was generated. */
  isLive: boolean;
}

export interface Attachment {
  id: string;
  kind: 'image' | 'video' | 'audio' | 'file' | 'sticker';
  mimetype: string;
  fileName: string;
  /** Null: it cannot be fetched. */
  bytes: Buffer | null;
}

/** As a client may set them: `read` is final, `failed` comes only before. */
export type DeliveryStatus = 'accepted' | 'sent' | 'delivered' | 'read' | 'played' | 'failed';

export interface Message {
  id: string;
  /** Of the thread's contact, or of the account. */
  from: 'contact' | 'account';
  ts: number;
  text: string | null;
  attachments: Attachment[];
  replyTo: string | null;
  status: DeliveryStatus;
  edits: number;
  deleted: boolean;
  reactions: Map<'contact' | 'account', string>;
  /** Null: it was not written by API. */
  appId: string | null;
  metadata: string | null;
  /** WhatsApp: the sent type and its object, and the caller's own data. */
  content: { type: string; body: unknown } | null;
  callbackData: string | null;
}

/** A subscription of an app to a webhook object. */
interface Subscription extends CallbackAddress {
  fields: string[];
}

export interface App {
  id: string;
  secret: string;
  /** Of its Instagram login. */
  instagram: { id: string; secret: string };
  /** By object: page, instagram, whatsapp_business_account. */
  subscriptions: Map<string, Subscription>;
  deauthorizeUrl: string | null;
  dataDeletionUrl: string | null;
}

/** A code of the dialog. */
export interface LoginCode {
  code: string;
  kind: 'facebook' | 'instagram';
  appId: string;
  redirectUri: string;
  userName: string;
  scopes: string[];
  pageIds: string[];
  until: number;
  used: boolean;
}

/** A file that was uploaded, or came with a message. */
export interface StoredMedia {
  id: string;
  bytes: Buffer | null;
  mimetype: string;
  until: number;
}

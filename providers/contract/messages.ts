import type { Channel } from '../../domain/channels.ts';
import type { AttachmentKind, MessageCapabilities } from '../../domain/message-capabilities.ts';
import type { DeliveryStatus, SeenMessage } from '../../domain/seen-messages.ts';
import type { SendOptions } from '../../domain/send-options.ts';
import type { TemplateOutline } from '../../domain/message-templates.ts';
import type { ProviderCall } from './call.ts';

/** A person who need not have a conversation with the account yet. */
export type Person =
  /** By number, E.164. */
  | { kind: 'phone'; phone: string }
  /** By the id that the channel gives them. */
  | { kind: 'identity'; id: string }
  /** By the public name on the channel. */
  | { kind: 'handle'; handle: string };

/** Where a message goes. */
export type Recipient =
  | Person
  /** A conversation, by the keys of it that are known (`SeenConversation.keys`). */
  | { kind: 'conversation'; keys: readonly string[] };

/** A file to send. The `type` of its bytes is their media type. */
export interface OutgoingAttachment {
  kind: AttachmentKind;
  bytes: Blob;
  fileName?: string;
  voice?: boolean;
}

/** What a message says: a text, attachments, or both (then the text is their caption); or a template. */
export interface OutgoingContent extends SendOptions {
  text?: string;
  attachments?: readonly OutgoingAttachment[];
  /** A key of ours: where the provider returns it with events of the message, it is one of their message keys. */
  reference?: string;
}

/** A message as it is handed to a provider. */
export interface OutgoingMessage extends OutgoingContent {
  to: Recipient;
  /** The message that is answered. */
  replyTo?: MessageRef;
  /** How long "typing" shows before, in milliseconds, where capabilities say `with_message`. */
  typingMs?: number;
}

/** The first message to people; several of them make a group. */
export interface NewConversation extends OutgoingContent {
  to: readonly Person[];
  /** Of a conversation with a subject line, and of a group its name. */
  subject?: string;
}

/** A message that the provider has: what is known of `SeenMessage.keys` and of its conversation's. */
export interface MessageRef {
  keys: readonly string[];
  conversationKeys: readonly string[];
}

/** A message that the provider accepted; its arrival is reported later. Every id that the answer tells; it may tell none. */
export type SentMessage = MessageRef;

/** What a call handed over whose outcome is unknown. */
export interface HandedOver {
  to: Recipient | readonly Person[];
  text?: string;
  /** Of the bytes, the size alone is told. */
  attachments?: readonly { kind: AttachmentKind; bytes: Pick<Blob, 'size'> }[];
}

/** What is known of a call whose outcome is not: times in milliseconds since the epoch. */
export interface UnknownSend {
  /** Before the call. */
  since: number;
  /** When the call ended or was given up. */
  endedAt: number;
  /** Keys of other messages that we know: none of these is the one. */
  known: readonly string[];
}

/**
 * `not_sent` is certain: it may be sent again. `unclear` is neither; it may become clear by `checkAgainAt` (milliseconds
 * since the epoch), or never where that is null.
 */
export type SentSearch =
  | { outcome: 'found'; message: SentMessage; status: DeliveryStatus | null; sentAt: number | null }
  | { outcome: 'not_sent' }
  | { outcome: 'unclear'; checkAgainAt: number | null };

/**
 * Verbs over messages. All throw `ProviderFailure`: `request_refused` for what cannot be sent or changed, `not_found`,
 * `rate_limited`, `login_lost`. A channel has a verb where its capabilities say so.
 */
export interface Messages {
  /** What each channel takes; a channel that is missing has no messages. */
  capabilities: Readonly<Partial<Record<Channel, MessageCapabilities>>>;
  /** Hands a message over. The provider does not detect a repeat: a failure whose effect is `unknown` may have sent it. */
  send(call: ProviderCall, message: OutgoingMessage): Promise<SentMessage>;
  /** Hands over the first message of a conversation. Absent where `send` alone reaches people. As `send` with repeats. */
  startConversation?(call: ProviderCall, conversation: NewConversation): Promise<SentMessage>;
  /** After a `send` or `startConversation` whose outcome is unknown: looks for the message in what the provider keeps. */
  findSent(call: ProviderCall, message: HandedOver, unknown: UnknownSend): Promise<SentSearch>;
  /**
   * The message as it is now, with every id that it has; null for one that the provider does not know. Absent where
   * messages cannot be read.
   */
  one?(call: ProviderCall, message: MessageRef): Promise<SeenMessage | null>;
  /**
   * Every id of a message that was just sent. Present where the answer of `send` does not tell the id by which webhooks
   * name the message.
   */
  idsOf?(call: ProviderCall, message: SentMessage): Promise<SentMessage>;
  /** A template by name and language; null where there is none. Present where capabilities tell of templates. */
  template?(call: ProviderCall, name: string, language: string): Promise<TemplateOutline | null>;
  edit?(call: ProviderCall, message: MessageRef, text: string): Promise<void>;
  /** Deletes a message for everybody. */
  remove?(call: ProviderCall, message: MessageRef): Promise<void>;
  /** The account's reaction to a message, in place of an earlier one; null takes it back. */
  react?(call: ProviderCall, message: MessageRef, emoji: string | null): Promise<void>;
  /** Marks an incoming message as read, and with it those before. */
  markRead?(call: ProviderCall, message: MessageRef): Promise<void>;
  /**
   * Shows the recipient that the account is writing or recording, or no longer. `newest` is the newest message of the other
   * side, where one is known.
   */
  typing?(
    call: ProviderCall,
    to: Recipient,
    activity: 'writing' | 'recording' | 'stopped',
    newest?: MessageRef,
  ): Promise<void>;
}

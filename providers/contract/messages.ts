import type { ProviderCall } from './call.ts';

/** Where a message goes. */
export type Recipient =
  /** A person by number, E.164. */
  | { kind: 'phone'; phone: string }
  /** A person by the id that the channel gives them. */
  | { kind: 'identity'; id: string }
  /** A group, a broadcast channel or a chat, by the provider's id. */
  | { kind: 'conversation'; id: string };

/** A message as it is handed to a provider: a text, an attachment, or both (then the text is its caption). */
export interface OutgoingMessage {
  to: Recipient;
  text?: string;
  /** The provider fetches it from `url`. */
  attachment?: { kind: 'image' | 'video' | 'document' | 'audio' | 'sticker'; url: string; fileName?: string };
  /** The provider's id of the message that is answered. */
  replyTo?: string;
}

/** A message that the provider accepted; its arrival is reported later. */
export interface SentMessage {
  /** Null where the provider gives none. */
  providerMessageId: string | null;
}

/** Verbs over messages. */
export interface Messages {
  /**
   * Hands a message over. The provider does not detect a repeat: a failure whose effect is `unknown` may have sent it. Throws
   * `request_refused` for what cannot be sent, `not_found`, `rate_limited`, `login_lost`.
   */
  send(call: ProviderCall, message: OutgoingMessage): Promise<SentMessage>;
}

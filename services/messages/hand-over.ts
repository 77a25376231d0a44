import type { StoredPerson } from '../../domain/recipients.ts';
import { longestCallMs, type OutgoingAttachment } from '../../domain/sends.ts';
import { ProviderFailure } from '../../domain/failures.ts';
import type { Log } from '../../platform/log.ts';
import type { Messages, OutgoingMessage, SentMessage, SentSearch } from '../../providers/contract/messages.ts';
import type { Provider, ProviderCall } from '../../providers/provider.ts';
import { withRetries } from '../syncs/with-retries.ts';

/** A message on its way, with all that its provider needs. */
export interface Parcel {
  provider: Provider;
  call: ProviderCall;
  text: string | null;
  attachments: readonly OutgoingAttachment[];
  /** Ids of the conversation at the provider; none where its first message begins it. */
  conversationKeys: readonly string[];
  recipients: readonly StoredPerson[];
  /** Ids of the message that is answered. */
  replyTo: readonly string[];
  /** When it was handed over, and when that call ended at the latest; in milliseconds since the epoch. */
  sentMarkAt: number;
  callEndedAt: number;
  /** Ids of other messages: none of them is this one. */
  known: readonly string[];
}

/** Hands a message over. Throws `ProviderFailure`. */
export async function handOver(parcel: Parcel, log: Log): Promise<SentMessage> {
  const verbs = verbsOf(parcel);
  const sent = await callOf(verbs, parcel);
  return verbs.idsOf ? withEveryId(verbs.idsOf, parcel, sent, log) : sent;
}

/** The message was sent: a failure here only leaves ids out. */
async function withEveryId(
  idsOf: NonNullable<Messages['idsOf']>,
  { call }: Parcel,
  sent: SentMessage,
  log: Log,
): Promise<SentMessage> {
  try {
    return await withRetries({ signal: call.signal ?? AbortSignal.timeout(longestCallMs) }, () => idsOf(call, sent));
  } catch (error) {
    log.warn({ err: error }, 'the ids of a sent message are not all known');
    return sent;
  }
}

function callOf(verbs: Messages, parcel: Parcel): Promise<SentMessage> {
  const { call, conversationKeys, recipients } = parcel;
  const begins = !conversationKeys.length && verbs.startConversation;
  if (!begins) return verbs.send(call, outgoing(parcel));
  const { text, attachments } = outgoing(parcel);
  return begins(call, { to: recipients, ...(text !== undefined && { text }), ...(attachments && { attachments }) });
}

/** Looks for a message whose answer was lost. Throws `ProviderFailure`. */
export const findHandedOver = (parcel: Parcel): Promise<SentSearch> =>
  verbsOf(parcel).findSent(parcel.call, outgoing(parcel), {
    since: parcel.sentMarkAt,
    endedAt: parcel.callEndedAt,
    known: parcel.known,
  });

function verbsOf({ provider }: Parcel): Messages {
  if (!provider.messages) throw new ProviderFailure('unsupported', 'The provider sends no messages.');
  return provider.messages;
}

function outgoing({ text, attachments, conversationKeys, recipients, replyTo }: Parcel): OutgoingMessage {
  const [person] = recipients;
  return {
    to: conversationKeys.length || !person ? { kind: 'conversation', keys: conversationKeys } : person,
    ...(text !== null && { text }),
    ...(attachments.length && {
      attachments: attachments.map(({ kind, url, file_name: fileName }) => ({
        kind,
        url,
        ...(fileName !== undefined && { fileName }),
      })),
    }),
    ...(replyTo.length && { replyTo: { keys: replyTo, conversationKeys } }),
  };
}

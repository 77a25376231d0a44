import type { StoredPerson } from '../../domain/recipients.ts';
import type { Em } from '../../db/connect.ts';
import type { Account } from '../../db/entities/accounts.ts';
import { outgoingFiles, type OutgoingFile } from '../../db/queries/sends/own-attachments.ts';
import { longestCallMs } from '../../domain/sends.ts';
import { ProviderFailure } from '../../domain/failures.ts';
import type { SendOptions } from '../../domain/send-options.ts';
import type { Log } from '../../platform/log.ts';
import type {
  Messages,
  OutgoingAttachment,
  Recipient,
  SentMessage,
  SentSearch,
} from '../../providers/contract/messages.ts';
import type { Provider, ProviderCall } from '../../providers/provider.ts';
import type { Context } from '../context.ts';
import { BlobMissingError, type OpenedFile } from '../media/blob-store.ts';
import { withRetries } from '../syncs/with-retries.ts';

/** A file of a message on its way. */
interface ParcelFile extends OutgoingFile {
  /** Throws `BlobMissingError`. */
  open(): Promise<OpenedFile>;
}

/** The files of a message that is to be sent; they are opened when it is handed over. */
export async function parcelFiles(
  { blobs }: Context,
  em: Em,
  { tenantId }: Account,
  messageId: string,
): Promise<ParcelFile[]> {
  const files = await outgoingFiles(em, messageId);
  return files.map((file) => ({
    ...file,
    open: () => blobs.asFile({ tenantId, hash: file.hash }, file.mimeType ?? ''),
  }));
}

/** A message on its way, with all that its provider needs. */
export interface Parcel {
  provider: Provider;
  call: ProviderCall;
  text: string | null;
  files: readonly ParcelFile[];
  /** Ids of the conversation at the provider; none where its first message begins it. */
  conversationKeys: readonly string[];
  recipients: readonly StoredPerson[];
  /** Ids of the message that is answered. */
  replyTo: readonly string[];
  options: SendOptions;
  /** Our key of the message. */
  reference: string;
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

async function callOf(verbs: Messages, parcel: Parcel): Promise<SentMessage> {
  const files = await openFiles(parcel);
  try {
    return await callWith(
      verbs,
      parcel,
      files.map(({ attachment }) => attachment),
    );
  } finally {
    await closeFiles(files);
  }
}

function callWith(verbs: Messages, parcel: Parcel, attachments: readonly OutgoingAttachment[]): Promise<SentMessage> {
  const { call, conversationKeys, recipients } = parcel;
  const { options, reference } = parcel;
  const content = { ...textOf(parcel), ...options, ...(attachments.length && { attachments }), reference };
  const begins = !conversationKeys.length && verbs.startConversation;
  if (begins) return begins(call, { to: recipients, ...content });
  const { replyTo } = parcel;
  return verbs.send(call, {
    to: destinationOf(parcel),
    ...content,
    ...(replyTo.length && { replyTo: { keys: replyTo, conversationKeys } }),
  });
}

/** A file that is open, as its message has it. */
interface OpenedAttachment extends Pick<OpenedFile, 'close'> {
  attachment: OutgoingAttachment;
}

/** Nothing was sent where a file cannot be opened. */
async function openFiles({ files }: Parcel): Promise<OpenedAttachment[]> {
  const outcomes = await Promise.allSettled(files.map(openFile));
  const opened = outcomes.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
  const failed = outcomes.find((one) => one.status === 'rejected');
  if (!failed) return opened;
  await closeFiles(opened);
  if (failed.reason instanceof BlobMissingError)
    throw new ProviderFailure('request_refused', 'A file of the message is no longer stored.');
  throw new ProviderFailure('unexpected', 'A file of the message could not be read.');
}

async function openFile({ kind, fileName, isVoice, open }: ParcelFile): Promise<OpenedAttachment> {
  const { bytes, close } = await open();
  return {
    attachment: { kind, bytes, ...(fileName !== null && { fileName }), ...(isVoice && { voice: true }) },
    close,
  };
}

/** A file that does not close says nothing of the message. */
const closeFiles = (files: readonly OpenedAttachment[]): Promise<unknown> =>
  Promise.allSettled(files.map((file) => file.close()));

/** Looks for a message whose answer was lost. Throws `ProviderFailure`. */
export const findHandedOver = (parcel: Parcel): Promise<SentSearch> =>
  verbsOf(parcel).findSent(
    parcel.call,
    {
      to: destinationOf(parcel),
      ...(parcel.text !== null && { text: parcel.text }),
      ...(parcel.files.length && { attachments: parcel.files.map(({ kind, size }) => ({ kind, bytes: { size } })) }),
    },
    { since: parcel.sentMarkAt, endedAt: parcel.callEndedAt, known: parcel.known },
  );

function verbsOf({ provider }: Parcel): Messages {
  if (!provider.messages) throw new ProviderFailure('unsupported', 'The provider sends no messages.');
  return provider.messages;
}

/** The text of a template is the provider's. */
const textOf = ({ text, options }: Parcel): { text?: string } => (text === null || options.template ? {} : { text });

function destinationOf({ conversationKeys, recipients }: Parcel): Recipient {
  const [person] = recipients;
  return conversationKeys.length || !person ? { kind: 'conversation', keys: conversationKeys } : person;
}

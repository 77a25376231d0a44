import { ProviderFailure } from '../../domain/failures.ts';
import { whyUnsendable } from '../../domain/message-capabilities.ts';
import type { Messages, OutgoingContent, ProviderCall } from '../provider.ts';

export const refused = (why: string): ProviderFailure => new ProviderFailure('request_refused', why);

/** Throws `request_refused` for what the channel does not take, `unsupported` for a channel without messages. */
export function requireSendable(
  { channel }: ProviderCall,
  channels: Messages['capabilities'],
  { text, attachments = [], template, quickReplies, tag }: OutgoingContent,
  isReply: boolean,
): void {
  const capabilities = channels[channel];
  if (!capabilities) throw new ProviderFailure('unsupported', 'This channel has no messages.');
  const outlined = attachments.map((one) => ({
    kind: one.kind,
    size: one.bytes.size,
    mimeType: one.bytes.type === '' ? null : one.bytes.type,
  }));
  const options = {
    ...(template && { template }),
    ...(quickReplies && { quickReplies }),
    ...(tag !== undefined && { tag }),
  };
  const why = whyUnsendable(capabilities, { text: text ?? null, attachments: outlined, isReply, options });
  if (why !== null) throw refused(why);
}

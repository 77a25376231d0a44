import type { SeenMessage } from '../../domain/seen-messages.ts';
import type { MessageRef, ProviderCall, SentMessage } from '../provider.ts';
import { orNullIfUnknown } from '../shared/errors.ts';
import { askSession, dataOf } from './client.ts';
import { segment } from './ids.ts';
import { readMessage } from './seen-messages.ts';

/** Whether a key is the number that WASender gives a message; WhatsApp's ids are longer. */
export const isNumber = (key: string): boolean => /^\d{1,15}$/.test(key);

/** WASender's number of a message, else WhatsApp's id, in a path. */
export const nameOf = ({ keys }: MessageRef): string => segment(keys.find(isNumber) ?? keys[0] ?? null);

/** GET /messages/{msgId}/info, which joins WASender's number with WhatsApp's id. */
export async function one(call: ProviderCall, message: MessageRef): Promise<SeenMessage | null> {
  return readMessage(await orNullIfUnknown(askSession(call, 'GET', `/messages/${nameOf(message)}/info`).then(dataOf)));
}

/** The answer of a send tells WASender's number alone; webhooks name the message by WhatsApp's id. */
export async function idsOf(call: ProviderCall, sent: SentMessage): Promise<SentMessage> {
  const seen = sent.keys.length ? await one(call, sent) : null;
  return seen ? { keys: seen.keys, conversationKeys: [...sent.conversationKeys, ...seen.conversationKeys] } : sent;
}

import { refused, requireSendable } from '../shared/outgoing.ts';
import type { MessageRef, Messages, OutgoingMessage, ProviderCall, SentMessage } from '../provider.ts';
import { capabilities } from './message-capabilities.ts';
import { findSent } from './messages-find.ts';
import { actOnPages, reactOnPages, sendOnPages } from './messages-pages.ts';
import { reactOnWhatsapp, readOnWhatsapp, sendWhatsapp } from './messages-whatsapp.ts';
import { template } from './templates.ts';

const isWhatsapp = ({ channel }: ProviderCall): boolean => channel === 'whatsapp';

async function send(call: ProviderCall, message: OutgoingMessage): Promise<SentMessage> {
  requireSendable(call, capabilities, message, message.replyTo !== undefined);
  return isWhatsapp(call) ? sendWhatsapp(call, message) : sendOnPages(call, message);
}

const react = (call: ProviderCall, message: MessageRef, emoji: string | null): Promise<void> =>
  isWhatsapp(call) ? reactOnWhatsapp(call, message, emoji) : reactOnPages(call, message, emoji);

/** On Messenger and Instagram the newest message of the conversation, and with it all. */
const markRead = (call: ProviderCall, message: MessageRef): Promise<void> =>
  isWhatsapp(call)
    ? readOnWhatsapp(call, message, false)
    : actOnPages(call, { kind: 'conversation', keys: message.conversationKeys }, 'mark_seen');

/** WhatsApp shows it under a message of the person, which is read by that, and ends it after 25 seconds or with an answer. */
const typing: NonNullable<Messages['typing']> = async (call, to, activity, newest) => {
  if (!isWhatsapp(call)) return actOnPages(call, to, activity === 'stopped' ? 'typing_off' : 'typing_on');
  if (activity === 'stopped') return;
  if (!newest) throw refused('WhatsApp shows it in answer to a message of the person, and none is here.');
  await readOnWhatsapp(call, newest, true);
};

export const messages = { capabilities, send, findSent, template, react, markRead, typing } satisfies Messages;
